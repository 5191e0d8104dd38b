// The ways in which the kernel can reset a function, in its order: `reset_method`, since Linux 5.15
// (Documentation/ABI/testing/sysfs-bus-pci).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

// Nothing where there is no such file: the function cannot be reset, or the kernel is older.
std::optional<std::vector<std::string>> ReadResetMethods(const Tree& tree,
                                                         const PciAddress& address);

}  // namespace sysfs
