// What others have of the device: virtual functions, mediated devices, vGPUs.
#include <fmt/format.h>

#include <algorithm>

#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

using Names = std::vector<std::string>;

// Its functions vanish with their physical function's driver: whoever has one loses it.
void FindVirtualFunctions(const Search& search, Findings& found) {
  const PciDevice& device = search.device;
  const unsigned count = device.sriov_numvfs.value_or(0);
  if (count == 0) return;
  const std::string address = device.address.ToString();
  found.evidence.push_back(
      {UseKind::kFunctions,
       {address, fmt::format("{} virtual function{}", count, count == 1 ? "" : "s")},
       fmt::format("{} virtual function{} enabled on it", count, count == 1 ? " is" : "s are"),
       std::nullopt,
       fmt::format("assign them instead, or take them away: vassign sriov set {0} 0 (echo 0 > "
                   "{1}/sriov_numvfs)",
                   address, device.path())});
  for (const PciAddress& function : device.virtfns) {
    const std::string name = function.ToString();
    const auto group = LinkName(search.tree, "/sys/bus/pci/devices/" + name + "/iommu_group");
    const std::string node = "/dev/vfio/" + group.value_or("");
    if (group && search.tree.Exists(node))
      found.nodes.push_back({node,
                             {address, name, node},
                             UseKind::kVfio,
                             ForceReason::kAssigned,
                             false,
                             search.places.VfioNumber(node)});
  }
}

// D/mdev_supported_types/TYPE/devices/UUID
// (Documentation/driver-api/vfio-mediated-device.rst).
void FindMediatedDevices(const Search& search, std::vector<Evidence>& found) {
  // The class links every device that can have some.
  if (!search.places.IsListed("/sys/class/mdev_bus", search.device.address.ToString())) return;
  const std::string place = search.device.path() + "/mdev_supported_types";
  for (const std::string& type : search.tree.List(place).value_or(Names())) {
    const std::string folder = fmt::format("{}/{}/devices", place, type);
    for (const std::string& uuid : search.tree.List(folder).value_or(Names())) {
      found.push_back({UseKind::kMediated,
                       {search.device.address.ToString(), type, "mediated device " + uuid},
                       fmt::format("the mediated device {} ({}) lives on it", uuid, type),
                       std::nullopt,
                       fmt::format("echo 1 > /sys/bus/mdev/devices/{}/remove", uuid)});
    }
  }
}

// Since Linux 6.8 NVIDIA gives each virtual function a type instead of an mdev; 0 is none.
void FindVgpu(const Search& search, std::vector<Evidence>& found) {
  constexpr uint16_t kNvidia = 0x10de;
  if (search.device.vendor != kNvidia) return;
  const std::string file = search.device.path() + "/nvidia/current_vgpu_type";
  const auto type = ReadDecimal(search.tree, file);
  if (!type || *type == 0) return;
  found.push_back({UseKind::kMediated,
                   {search.device.address.ToString(), fmt::format("vGPU type {}", *type)},
                   fmt::format("it is made a vGPU of type {}", *type),
                   std::nullopt,
                   "echo 0 > " + file});
}

}  // namespace

Findings FindFunctionUse(const Search& search) {
  Findings found;
  FindVirtualFunctions(search, found);
  FindMediatedDevices(search, found.evidence);
  FindVgpu(search, found.evidence);
  return found;
}

}  // namespace sysfs
