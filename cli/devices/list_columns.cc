#include "cli/devices/list_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/devices/busy.h"
#include "cli/devices/use_marks.h"
#include "sysfs/base/text.h"
#include "sysfs/drivers.h"

namespace cli {
namespace {

using sysfs::Detail;
using sysfs::PciDevice;

Cell Bdf(const Context& /*context*/, const PciDevice& device) {
  return {device.address.ToString()};
}
Cell Class(const Context& context, const PciDevice& device) {
  return {context.names.DescribeClass(device.class_code)};
}
Cell Name(const Context& context, const PciDevice& device) {
  return {context.names.Describe(device)};
}
Cell Ids(const Context& /*context*/, const PciDevice& device) {
  return {fmt::format("{:04x}:{:04x}", device.vendor, device.device)};
}
Cell ClassCode(const Context& /*context*/, const PciDevice& device) {
  return {fmt::format("{:06x}", device.class_code)};
}
Cell Driver(const Context& context, const PciDevice& device) {
  if (!device.driver) return {};
  // Asked only for the colour: it costs two system calls a device.
  const bool is_vfio = context.colour && sysfs::IsVfioDriver(*context.tree, *device.driver);
  return {*device.driver, is_vfio ? Style::kGood : Style::kPlain};
}
Cell Override(const Context& /*context*/, const PciDevice& device) {
  if (device.busy) return {std::string(kBusy), Style::kWarning};
  return {device.driver_override.value_or("")};
}
Cell Group(const Context& /*context*/, const PciDevice& device) {
  return {device.iommu_group ? std::to_string(*device.iommu_group) : ""};
}
Cell Numa(const Context& /*context*/, const PciDevice& device) {
  return {device.numa_node ? std::to_string(*device.numa_node) : ""};
}
Cell Vfs(const Context& /*context*/, const PciDevice& device) {
  if (!device.sriov_totalvfs) return {};
  if (device.busy) return {fmt::format("{}/{}", kBusy, *device.sriov_totalvfs), Style::kWarning};
  return {fmt::format("{}/{}", device.sriov_numvfs.value_or(0), *device.sriov_totalvfs)};
}
Cell Pf(const Context& /*context*/, const PciDevice& device) {
  return {device.physfn ? device.physfn->ToString() : ""};
}
Cell InUse(const Context& context, const PciDevice& device) {
  if (!context.use_marks) return {"?"};
  return {Marks(context.use_marks(device)), Style::kWarning};
}

constexpr std::array<ListColumn, 12> kColumns = {{
    {"bdf", "BDF", "address", false, Detail::kIdentity, Bdf},
    {"class", "CLASS", "name of the class", true, Detail::kIdentity, Class},
    {"name", "NAME", "vendor and device", true, Detail::kIdentity, Name},
    {"driver", "DRIVER", "driver that is bound", false, Detail::kIdentity, Driver},
    {"group", "GROUP", "IOMMU group", false, Detail::kIdentity, Group},
    {"in-use", "IN USE", "what needs the device now", true, Detail::kIdentity, InUse},
    {"ids", "IDS", "vendor and device number", false, Detail::kIdentity, Ids},
    {"code", "CODE", "class code", false, Detail::kIdentity, ClassCode},
    {"override", "OVERRIDE", "the only driver that may bind", false, Detail::kFull, Override},
    {"numa", "NUMA", "NUMA node", false, Detail::kUnlocked, Numa},
    {"vfs", "VFS", "virtual functions, enabled/possible", false, Detail::kFull, Vfs},
    {"pf", "PF", "physical function of a virtual one", false, Detail::kBrief, Pf},
}};

constexpr std::string_view kDefault = "bdf,class,name,driver,group";

std::string ColumnNames() {
  std::vector<std::string_view> names;
  for (const ListColumn& column : kColumns) names.push_back(column.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

base::Result<std::vector<const ListColumn*>> ParseColumns(const std::string& text,
                                                          const Context& context) {
  std::string wanted(text.empty() ? kDefault : text);
  if (text.empty() && context.use_marks) wanted += ",in-use";
  std::vector<const ListColumn*> columns;
  for (const std::string_view name : base::Split(wanted, ',')) {
    const auto* const column = std::find_if(
        kColumns.begin(), kColumns.end(), [&](const ListColumn& one) { return one.name == name; });
    if (column == kColumns.end())
      return base::Fail(base::Code::kUsage, base::Quote(name) + ": no such column",
                        "the columns are " + ColumnNames());
    columns.push_back(column);
  }
  return columns;
}

std::string ColumnHelp() {
  std::string text = "Columns (-o):\n";
  for (const ListColumn& column : kColumns)
    text += fmt::format("  {:<10} {}\n", column.name, column.what);
  return text;
}

}  // namespace cli
