// Where everything is in the guest's physical address space: one plan, of which KVM's memory slots
// and the IOMMU's maps are two projections.
//
//   0          RAM below the hole, at most 2.75 GiB
//   ecam       PCIe configuration space at 0xb0000000, 1 MiB a bus (PCI Firmware 3.3, 4.1). Only
//   the
//              buses that exist: Linux asks 32 devices of each that is announced, which was nine
//              tenths of all exits of a boot.
//   mmio32     32-bit BARs, from 256 MiB above ecam up to the I/O APIC at 0xfec00000
//   4 GiB      the rest of RAM, moved above ranges that the IOMMU reserves (on AMD to 1 TiB)
//   mmio64     64-bit BARs, above RAM and below the guest's physical address width
//
// When the 32-bit BARs need more than the usual window, ecam and the end of low RAM move down.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"

namespace vmm {

// A range that DMA must not use, with its owner for messages ("msi, group 14").
struct ReservedRange {
  uint64_t start = 0;
  uint64_t last = 0;  // inclusive
  std::string owner;
};

struct LayoutRequest {
  uint64_t memory_bytes = 0;
  uint64_t page_bytes = 2 * base::kMiB;  // each piece of RAM is a multiple, but for the last
  unsigned physical_address_bits = 46;   // what the guest is told
  // Of all groups that will be assigned; empty without devices.
  std::vector<ReservedRange> reserved;
  std::optional<ReservedRange> untranslated = {};  // beyond what their IOMMU translates: no RAM
  unsigned buses = 1;                              // PCI buses of the guest, 1 to 256
  uint64_t bar64_bytes = 0;                        // total of 64-bit BARs, aligned
  uint64_t bar32_bytes = 0;
};

struct Layout {
  std::vector<base::Range> ram;  // ascending, each a multiple of the page but for the last
  base::Range ecam;
  base::Range mmio32;
  base::Range mmio64;  // empty when the address width leaves no room and no BAR needs any
  unsigned physical_address_bits = 0;

  uint64_t memory_bytes() const;
};

inline constexpr uint64_t kLocalApicBase = 0xfee00000;
inline constexpr uint64_t kIoApicBase = 0xfec00000;
inline constexpr uint64_t kMinimumMemory = 2 * base::kMiB;

// Pure. kUsage when the memory is not a multiple of 4 KiB or too small, kUnfit when the reserved
// ranges or the address width leave no room (names the range and its owner).
base::Result<Layout> PlanLayout(const LayoutRequest& request);

}  // namespace vmm
