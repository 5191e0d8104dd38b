#include "sysfs/drivers.h"

#include <algorithm>
#include <array>

namespace sysfs {
namespace {

// The drivers of Linux that register with vfio_pci_core, for a tree that does not tell: built in,
// or a recorded host without /sys/module.
constexpr std::array<std::string_view, 8> kVfioDrivers = {
    "vfio_pci",     "hisi_acc_vfio_pci", "mlx5_vfio_pci",   "nvgrace_gpu_vfio_pci",
    "pds_vfio_pci", "qat_vfio_pci",      "virtio_vfio_pci", "xe_vfio_pci"};

// Drivers and modules spell the same name with '-' or '_', at will.
std::string Underscored(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

bool IsKnownVfioDriver(std::string_view driver) {
  const std::string name = Underscored(driver);
  return std::any_of(kVfioDrivers.begin(), kVfioDrivers.end(),
                     [&](std::string_view known) { return known == name; });
}

}  // namespace

std::optional<std::string> ModuleOfDriver(const Tree& tree, std::string_view driver) {
  return LinkName(tree, "/sys/bus/pci/drivers/" + std::string(driver) + "/module");
}

bool IsVfioDriver(const Tree& tree, std::string_view driver) {
  if (IsKnownVfioDriver(driver)) return true;
  const auto module = ModuleOfDriver(tree, driver);
  return module && tree.Exists("/sys/module/vfio_pci_core/holders/" + *module);
}

}  // namespace sysfs
