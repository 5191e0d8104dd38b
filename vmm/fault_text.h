// What a DMA access that the IOMMU has stopped means to the user of a machine. Pure.
#pragma once

#include <string>

#include "sysfs/iommu_fault.h"
#include "vmm/layout.h"

namespace vmm {

// One line and its hint: where the address is in the guest decides.
std::string FaultText(const std::string& device, const sysfs::IommuFault& fault,
                      const Layout& layout);

}  // namespace vmm
