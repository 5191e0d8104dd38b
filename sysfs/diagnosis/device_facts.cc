#include "sysfs/diagnosis/device.h"
#include "sysfs/drivers.h"
#include "sysfs/reset_methods.h"

namespace sysfs {
namespace {

std::optional<std::vector<std::string>> MethodsOf(const Tree& tree, const PciDevice& device) {
  auto methods = ReadResetMethods(tree, device.address);
  // The file is not there when the device cannot be reset, nor on kernels before 5.15, which have
  // `reset` for devices that can.
  if (!methods && !tree.Exists(device.path() + "/reset")) return std::vector<std::string>();
  return methods;
}

}  // namespace

DeviceDiagnosis ReadDiagnosis(
    const Tree& tree, const PciDevice& device, HostFacts host,
    const std::function<std::vector<Evidence>(const PciDevice&)>& find_evidence) {
  DeviceDiagnosis facts;
  facts.viability = ReadViability(tree, device);
  if (device.iommu_group) {
    if (auto group = ReadGroup(tree, *device.iommu_group)) facts.group = std::move(*group);
  }
  facts.path = ReadPath(tree, device);
  if (find_evidence && !device.is_bridge()) facts.evidence = find_evidence(device);
  facts.vfio_driver = BestVfioDriver(tree, device.modalias);
  facts.on_vfio_driver = device.driver && IsVfioDriver(tree, *device.driver);
  facts.reset_methods = MethodsOf(tree, device);
  facts.reset = ReadResetReach(tree, device);
  facts.runtime_status =
      ReadText(tree, device.path() + "/power/runtime_status").value_or(std::string());
  facts.power_state = ReadText(tree, device.path() + "/power_state").value_or(std::string());
  if (device.driver) {
    const std::string module = ModuleOfDriver(tree, *device.driver).value_or(*device.driver);
    facts.has_max_vfs = tree.Exists("/sys/module/" + module + "/parameters/max_vfs");
  }
  facts.host = std::move(host);
  return facts;
}

}  // namespace sysfs
