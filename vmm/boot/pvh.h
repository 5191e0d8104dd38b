// An ELF kernel with the PVH entry: a note tells where it starts in 32-bit mode
// (xen/include/public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/boot/elf.h"

namespace vmm::boot {

struct PvhSegment {
  base::Range file;    // in the file
  base::Range memory;  // guest-physical; what the file does not fill is zero
};

struct PvhKernel {
  uint32_t entry = 0;
  std::vector<PvhSegment> segments;  // ascending, none overlaps another
  uint64_t end = 0;                  // behind the last segment
};

// kUsage when the kernel has no PVH entry or its segments are not between 1 MiB and 4 GiB.
// Promises: every segment's file range is inside the file. Pure.
base::Result<PvhKernel> ParsePvh(std::span<const std::byte> file);

}  // namespace vmm::boot
