// What of the host could serve for a device. Only reads.
#pragma once

#include "sysfs/evidence/evidence.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"
#include "vmm/fallback/plan.h"

namespace vmm {

FallbackFacts ReadFallbackFacts(const sysfs::Tree& tree, const sysfs::PciDevice& device,
                                const sysfs::EvidenceSources& sources);

}  // namespace vmm
