// How wide the addresses are that an IOMMU translates: DMA beyond them fails, whatever is mapped.
#pragma once

#include <optional>

#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace sysfs {

// In bits. Nothing where no limit is told: AMD's tables grow up to 64 bits, and no other IOMMU
// says.
//
// Of Intel's VT-d the smaller of MGAW and the deepest page table of SAGAW, as the kernel takes it
// for what user space maps (Intel VT-d specification 11.4.2; Documentation/ABI/testing/
// sysfs-class-iommu-intel-iommu).
std::optional<unsigned> ReadIommuWidth(const Tree& tree, const PciAddress& address);

}  // namespace sysfs
