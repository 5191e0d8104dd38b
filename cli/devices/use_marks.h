// What needs a device right now, as the marks of `list` and `show`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

// On the running host; the tree outlives the function. Host-wide facts are read once.
std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> HostUseMarks(
    const sysfs::Tree& tree);

// For a cell: "mounted on /data, default route"; what does not refuse is left out.
std::string Marks(const std::vector<sysfs::Evidence>& evidence);
// For a page, the chains without the device: "eth0 -> bond0 -> default route".
std::vector<std::string> Chains(const std::vector<sysfs::Evidence>& evidence);

}  // namespace cli
