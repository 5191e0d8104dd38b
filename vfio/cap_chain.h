// The capability chain behind the fixed part of a VFIO information reply (linux/vfio.h, struct
// vfio_info_cap_header).
//
// A reply is the kernel's, and may be a vendor driver's: each offset is checked to be inside the
// reply and above the one before, so that a walk ends. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sysfs/base/result.h"

namespace vfio {

struct InfoCapability {
  uint16_t id = 0;
  uint16_t version = 0;
  // From its header up to the next capability or the end of the reply; at least the header.
  std::span<const std::byte> bytes;
};

// `first` is the offset of the first capability in `reply`, 0 for none; `fixed` the size of the
// structure that capabilities cannot overlap. kKernel when the chain is malformed.
base::Result<std::vector<InfoCapability>> ListInfoCapabilities(std::span<const std::byte> reply,
                                                               uint32_t first, size_t fixed);

struct Pair {
  uint64_t first = 0;
  uint64_t second = 0;
};
// The pairs of 64-bit values behind {header, u32 count, u32 reserved}: the form of the sparse-mmap
// and of the IOVA-range capability. kKernel when they are more than fit.
base::Result<std::vector<Pair>> ListCapabilityPairs(const InfoCapability& capability);

}  // namespace vfio
