// The whole disks of a device, as the host's users know them.
#pragma once

#include <string>
#include <vector>

#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

// Names of block devices ("nvme0n1", "sda"), sorted: no partitions; with NVMe multipath the visible
// ones. Empty when no driver of the host makes any.
std::vector<std::string> FindDisks(const Tree& tree, const PciAddress& address);

}  // namespace sysfs
