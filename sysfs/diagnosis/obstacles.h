// What of the host keeps a device from a VFIO driver, beyond its group: asked by `bind` before it
// changes anything, in the words of `explain`.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

// Interrupts that cannot be remapped and are not allowed all the same, memory that the firmware
// keeps mapped for the device, and, where vfio-pci has to be loaded first, a module that cannot be.
// The first of these is the error, with the code of its finding. Nothing is judged of a device
// without a group: CheckViability says that. `kernel_log` is asked for a better cure, and may be
// empty.
base::Status CheckObstacles(const Tree& tree, const PciDevice& device, bool loads_vfio_pci,
                            const std::function<std::optional<std::string>()>& kernel_log);

}  // namespace sysfs
