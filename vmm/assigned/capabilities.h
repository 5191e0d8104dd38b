// The capability lists of an assigned device as the guest walks them: what is hidden is unlinked
// and its bytes read as zero.
//
// Pure; each list is rebuilt once, from a bounded walk, so that no loop of a device reaches the
// guest.
#pragma once

#include <span>
#include <vector>

#include "sysfs/capability.h"
#include "vmm/assigned/config.h"

namespace vmm::assigned {

// Never for a guest: what places resources or DMA by host addresses (enhanced allocation).
bool IsHidden(sysfs::CapabilityId id);
// Never for a guest without IOMMU and on bus 0: SR-IOV, ARI, resizable BARs, ATS, page requests,
// PASID.
bool IsHidden(sysfs::ExtendedId id);

// Links `kept` in their order and zeroes the bytes of the others, up to the next capability.
void LinkCapabilities(pci::ConfigSpace& space, std::span<const sysfs::Capability> all,
                      std::span<const sysfs::Capability> kept);
// The same at 0x100, where a header stays even when its capability goes (id 0xffff).
void LinkExtendedCapabilities(pci::ConfigSpace& space, std::span<const sysfs::Capability> all,
                              std::span<const sysfs::Capability> kept);

}  // namespace vmm::assigned
