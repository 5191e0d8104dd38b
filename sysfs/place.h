// Where a PCI function is: the bridges on the way to it.
#pragma once

#include <vector>

#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

// From the root port on; none for a function on a root bus, and for one that is absent or whose
// place is no link. Fails when the link is there and cannot be read: what decides or is recorded
// asks here, BridgesAbove is for what only shows.
base::Result<std::vector<PciAddress>> ReadBridgesAbove(const Tree& tree, const PciAddress& address);

}  // namespace sysfs
