// What the kernel's log says of a DMA access that the IOMMU has stopped. Pure.
//
// The texts are those of drivers/iommu/intel/dmar.c and drivers/iommu/amd/iommu.c from 5.10
// to 6.12:
//   DMAR: [DMA Read NO_PASID] Request device [06:00.0] fault addr 0x20000000 [fault reason 0x06]
//   PTE Read access is not set vfio-pci 0000:06:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT
//   domain=0x000b address=0x20000000 flags=0x0020]
// The kernel limits their rate, so that there may have been more faults than lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sysfs/pci_address.h"

namespace sysfs {

struct IommuFault {
  PciAddress device;
  bool any_domain = false;  // the line names none (Intel's)
  uint64_t address = 0;     // as the device gave it
  bool write = false;
  std::string reason;  // printable, not long; may be empty
  bool operator==(const IommuFault&) const = default;

  bool IsOf(const PciAddress& other) const;
};

// Nothing for any other line, and for one with a part that is not as expected: the log is not ours.
// `line` is without time and level.
std::optional<IommuFault> ParseIommuFault(std::string_view line);

}  // namespace sysfs
