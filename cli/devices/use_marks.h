// What needs a device right now, as the marks of `list` and `show`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

// On the running host; the tree outlives the function. Host-wide files are read once.
std::function<std::vector<std::string>(const sysfs::PciDevice&)> HostUseMarks(
    const sysfs::Tree& tree);

}  // namespace cli
