// Could this device be given to a guest: endpoint, IOMMU, group (sysfs/assignment/viability.h).
// What the host uses it for is another question.
#pragma once

#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

// kUnfit with cause and cure. Its own driver does not stand in the way: it leaves in a bind.
base::Status CheckAssignable(const sysfs::Tree& tree, const sysfs::PciDevice& device);

}  // namespace cli
