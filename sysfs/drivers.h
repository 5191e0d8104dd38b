// PCI drivers of the host: which leave DMA to user space, and which may drive a device.
//
// The kernel does not show a driver's `driver_managed_dma` flag. The VFIO drivers are told by the
// module that all of them stand on (vfio_pci_core), the two others by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

// Whether a driver of this name hands devices to user space through VFIO: vfio-pci itself or a
// variant of it. Unknown names that are not loaded are not.
bool IsVfioDriver(const Tree& tree, std::string_view driver);

// The module behind a registered driver ("mlx5-vfio-pci" is of mlx5_vfio_pci); nothing when the
// driver is built in or absent.
std::optional<std::string> ModuleOfDriver(const Tree& tree, std::string_view driver);

}  // namespace sysfs
