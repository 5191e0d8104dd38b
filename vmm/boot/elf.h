// The program headers of a 64-bit x86 ELF file (System V ABI, gABI 4.1 chapter 5), read and
// checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"

namespace vmm::boot {

enum ElfSegmentType : uint32_t {
  kElfLoad = 1,
  kElfDynamic = 2,
  kElfInterpreter = 3,
  kElfNote = 4,
};

struct ElfSegment {
  uint32_t type = 0;
  base::Range file;  // in the file
  uint64_t virtual_address = 0;
  uint64_t physical_address = 0;
  uint64_t memory_size = 0;  // not less than file.size in a kElfLoad segment
  uint64_t alignment = 0;
};

struct ElfFile {
  uint64_t entry = 0;
  std::vector<ElfSegment> segments;
};

// kUsage says what is wrong. Promises: every segment's file range is inside the file, no address
// range wraps. Pure.
base::Result<ElfFile> ParseElf(std::span<const std::byte> file);

}  // namespace vmm::boot
