#include "cli/devices/list_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/devices/busy.h"
#include "cli/devices/device_facts.h"
#include "cli/devices/use_marks.h"
#include "cli/devices/verdict.h"
#include "sysfs/base/text.h"
#include "sysfs/drivers.h"
#include "sysfs/reset_methods.h"

namespace cli {
namespace {

using sysfs::Detail;
using sysfs::PciDevice;

Cell Bdf(ListHost /*host*/, const PciDevice& device) { return {device.address.ToString()}; }
Cell Class(ListHost host, const PciDevice& device) {
  return {host.context.names.DescribeClass(device.class_code)};
}
Cell Name(ListHost host, const PciDevice& device) { return {host.context.names.Describe(device)}; }
Cell Ids(ListHost /*host*/, const PciDevice& device) {
  return {fmt::format("{:04x}:{:04x}", device.vendor, device.device)};
}
Cell ClassCode(ListHost /*host*/, const PciDevice& device) {
  return {fmt::format("{:06x}", device.class_code)};
}
Cell Driver(ListHost host, const PciDevice& device) {
  if (!device.driver) return {};
  // Asked only for the colour: it costs two system calls a device.
  const bool is_vfio =
      host.context.colour && sysfs::IsVfioDriver(*host.context.tree, *device.driver);
  return {*device.driver, is_vfio ? Style::kGood : Style::kPlain};
}
Cell Override(ListHost /*host*/, const PciDevice& device) {
  if (device.busy) return {std::string(kBusy), Style::kWarning};
  return {device.driver_override.value_or("")};
}
Cell Group(ListHost /*host*/, const PciDevice& device) {
  return {device.iommu_group ? std::to_string(*device.iommu_group) : ""};
}
Cell Numa(ListHost /*host*/, const PciDevice& device) {
  return {device.numa_node ? std::to_string(*device.numa_node) : ""};
}
Cell Vfs(ListHost /*host*/, const PciDevice& device) {
  if (!device.sriov_totalvfs) return {};
  if (device.busy) return {fmt::format("{}/{}", kBusy, *device.sriov_totalvfs), Style::kWarning};
  return {fmt::format("{}/{}", device.sriov_numvfs.value_or(0), *device.sriov_totalvfs)};
}
Cell Pf(ListHost /*host*/, const PciDevice& device) {
  return {device.physfn ? device.physfn->ToString() : ""};
}
Cell InUse(ListHost host, const PciDevice& device) {
  if (!host.context.use_marks) return {"?"};
  return {Marks(host.context.use_marks(device)), Style::kWarning};
}

Cell Vfio(ListHost host, const PciDevice& device) {
  return {host.view.VfioDriver(device).value_or("")};
}
Cell Reset(ListHost host, const PciDevice& device) {
  const auto methods = sysfs::ReadResetMethods(*host.context.tree, device.address);
  return {methods ? fmt::format("{}", fmt::join(*methods, ",")) : ""};
}
Cell PowerState(ListHost host, const PciDevice& device) {
  const Power power = ReadPower(*host.context.tree, device.path());
  const Style style = IsAsleep(power) ? Style::kDim : Style::kPlain;
  return {power.state.value_or(power.runtime.value_or("")), style};
}
Cell LinkNow(ListHost host, const PciDevice& device) {
  if (IsAsleep(ReadPower(*host.context.tree, device.path()))) return {"asleep", Style::kDim};
  const auto link = ReadLinkFacts(*host.context.tree, device.path());
  if (!link) return {};
  const bool is_less = link->width < link->max_width || link->speed != link->max_speed;
  // "8.0 GT/s PCIe" without its last word.
  const std::string speed = link->speed.substr(0, link->speed.find(" PCIe"));
  return {fmt::format("{} x{}", speed, link->width), is_less ? Style::kWarning : Style::kPlain};
}
Cell OwnerName(ListHost host, const PciDevice& device) {
  if (const auto owner = host.view.OwnerOf(device))
    return {fmt::format("{} (pid {})", owner->command, owner->pid), Style::kWarning};
  return {host.view.IsOwnerHidden(device) ? "?" : ""};
}
Cell Isolation(ListHost host, const PciDevice& device) {
  if (!device.iommu_group) return {};
  const HostView::Group& group = host.view.GroupOf(*device.iommu_group);
  if (!group.known || !group.isolated) return {"?"};
  if (*group.isolated) return {"alone", Style::kGood};
  return {fmt::format("with {} more", group.known->members.size() - 1)};
}
Cell Verdict(ListHost host, const PciDevice& device) {
  DeviceVerdict verdict = JudgeInALine(host.context, host.view, device);
  return {std::move(verdict.text), verdict.ok ? Style::kGood : Style::kWarning};
}

constexpr std::array<ListColumn, 19> kColumns = {{
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
    {"vfio", "VFIO", "best VFIO driver for it", false, Detail::kIdentity, Vfio},
    {"reset", "RESET", "how it can be reset, the first way first", true, Detail::kIdentity, Reset},
    {"power", "POWER", "power state", false, Detail::kIdentity, PowerState},
    {"link", "LINK", "speed and width of its link now", false, Detail::kIdentity, LinkNow},
    {"owner", "OWNER", "process that has it through VFIO", true, Detail::kIdentity, OwnerName,
     true},
    {"isolation", "ISOLATION", "what shares its IOMMU group", false, Detail::kIdentity, Isolation},
    {"verdict", "VERDICT", "can it be assigned, or what is first in the way", true, Detail::kFull,
     Verdict},
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
