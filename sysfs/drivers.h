// PCI drivers of the host: which leave DMA to user space, and which may drive a device.
//
// The kernel does not show a driver's `driver_managed_dma` flag. The VFIO drivers are told by the
// module that all of them stand on (vfio_pci_core), the two others by name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace sysfs {

// Whether a driver of this name hands devices to user space through VFIO: vfio-pci itself or a
// variant of it. Unknown names that are not loaded are not.
bool IsVfioDriver(const Tree& tree, std::string_view driver);

// The module behind a registered driver ("mlx5-vfio-pci" is of mlx5_vfio_pci); nothing when the
// driver is built in or absent.
std::optional<std::string> ModuleOfDriver(const Tree& tree, std::string_view driver);

// The PCI drivers that a loaded or built-in module registered; empty when there is none.
std::vector<std::string> DriversOfModule(const Tree& tree, const std::string& module);

// The drivers that could take a device by its modalias, native ones: names of drivers where the
// module is there, otherwise of modules. By the index of `modules_dir`, else as a snapshot has it;
// kNotFound without.
base::Result<std::vector<std::string>> CandidateDrivers(const Tree& tree,
                                                        const std::string& modalias,
                                                        const std::string& modules_dir);

// Where a snapshot keeps which modules know its devices: the index itself is large and not text.
std::string RecordedModulesFile(const std::string& release);

// The module with the most specific `vfio_pci:` alias for a device, out of the text of
// modules.alias: the fewest wildcards win. Nothing when no line matches.
std::optional<std::string> BestVfioModule(std::string_view modules_alias,
                                          std::string_view modalias);

// The VFIO drivers of a kernel, for many devices: reads its aliases once, built-in ones too. Not
// thread safe; the tree outlives it.
class VfioDrivers {
 public:
  explicit VfioDrivers(const Tree& tree);
  // The one that fits a device best: a variant that knows it, else vfio-pci. The driver's name when
  // its module is loaded, otherwise the module's. Nothing when this kernel has none.
  std::optional<std::string> Best(std::string_view modalias) const;

 private:
  std::optional<std::string> DriverOf(const std::optional<std::string>& module) const;

  const Tree& tree_;
  std::string aliases_;  // the lines that are about VFIO
  mutable std::map<std::optional<std::string>, std::optional<std::string>> drivers_;  // by module
};

// For a single device.
std::optional<std::string> BestVfioDriver(const Tree& tree, std::string_view modalias);

}  // namespace sysfs
