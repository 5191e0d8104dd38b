// Whether a function still answers its host.
#pragma once

#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

// False only where its configuration space reads as all ones: command and status never do in a
// function that is there, and a virtual function has no ids to look at (PCIe 6.0, 7.5.1.1). Wakes a
// sleeping device.
bool Answers(const Tree& tree, const PciAddress& address);

}  // namespace sysfs
