#include "vfio/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "sysfs/base/text.h"
#include "sysfs/drivers.h"

namespace vfio {
namespace {

std::string DevicePath(const sysfs::PciAddress& device) {
  return "/sys/bus/pci/devices/" + device.ToString();
}

std::optional<unsigned> GroupOf(const sysfs::Tree& tree, const sysfs::PciAddress& device) {
  const auto name = sysfs::LinkName(tree, DevicePath(device) + "/iommu_group");
  const auto id = name ? base::ParseDecimal(*name, UINT32_MAX) : std::nullopt;
  if (!id) return std::nullopt;
  return static_cast<unsigned>(*id);
}

// One entry a process, whatever number of the nodes it has open; ourselves left out.
std::vector<sysfs::Holder> FindOthers(const sysfs::Tree& tree, std::span<const std::string> nodes) {
  const auto self = sysfs::LinkName(tree, "/proc/self");
  std::vector<sysfs::Holder> others;
  for (sysfs::Holder& holder : sysfs::FindHolders(tree, nodes)) {
    const bool known = !others.empty() && others.back().pid == holder.pid;
    if (!known && std::to_string(holder.pid) != self) others.push_back(std::move(holder));
  }
  return others;
}

}  // namespace

base::Result<unsigned> FindGroup(const sysfs::Tree& tree, const sysfs::PciAddress& device) {
  const std::string name = device.ToString();
  if (!tree.Exists(DevicePath(device)))
    return base::Fail(base::Code::kNotFound, name + ": no such PCI device",
                      "vassign list shows the devices");
  const auto class_code = sysfs::ReadHex(tree, DevicePath(device) + "/class");
  if (class_code && *class_code >> 16 == 0x06)
    return base::Fail(base::Code::kUnfit, name + ": a bridge cannot be assigned");
  if (const auto group = GroupOf(tree, device)) return *group;
  return base::Fail(
      base::Code::kUnfit, name + ": has no IOMMU group, so no IOMMU protects its DMA",
      "turn on VT-d or AMD-Vi in the firmware, and boot with intel_iommu=on on Intel");
}

std::string GroupNode(unsigned group) { return fmt::format("/dev/vfio/{}", group); }

std::optional<std::string> FindDeviceFile(const sysfs::Tree& tree,
                                          const sysfs::PciAddress& device) {
  const auto names = tree.List(DevicePath(device) + "/vfio-dev");
  if (!names) return std::nullopt;
  const auto found = std::find_if(names->begin(), names->end(),
                                  [](const std::string& name) { return name.starts_with("vfio"); });
  if (found == names->end()) return std::nullopt;
  return *found;
}

std::string DeviceNode(const std::string& file) { return "/dev/vfio/devices/" + file; }

AccessFacts ReadAccessFacts(const sysfs::Tree& tree, const sysfs::PciAddress& device,
                            const std::string& node) {
  AccessFacts facts;
  facts.device = device.ToString();
  facts.node = node;
  facts.driver = sysfs::LinkName(tree, DevicePath(device) + "/driver");
  facts.on_vfio_driver = facts.driver && sysfs::IsVfioDriver(tree, *facts.driver);
  const auto physical = sysfs::LinkName(tree, DevicePath(device) + "/physfn");
  const auto its_driver =
      physical ? sysfs::LinkName(tree, DevicePath(device) + "/physfn/driver") : std::nullopt;
  if (its_driver && sysfs::IsVfioDriver(tree, *its_driver)) facts.physical = physical;
  facts.has_functions =
      sysfs::ReadDecimal(tree, DevicePath(device) + "/sriov_numvfs").value_or(0) > 0;
  facts.group = GroupOf(tree, device);
  if (!facts.group) return facts;
  std::vector<std::string> nodes = {GroupNode(*facts.group)};
  if (const auto group = sysfs::ReadGroup(tree, *facts.group)) {
    facts.blockers = sysfs::FindBlockers(tree, *group);
    for (const sysfs::PciAddress& member : group->members) {
      if (const auto file = FindDeviceFile(tree, member)) nodes.push_back(DeviceNode(*file));
    }
  }
  facts.holders = FindOthers(tree, nodes);
  return facts;
}

}  // namespace vfio
