// The setup header of a bzImage (Documentation/arch/x86/boot.rst), read and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"

namespace vmm::boot {

struct BzImage {
  uint16_t version = 0;  // 0x020c is 2.12
  base::Range header;    // the setup header in the file, from 0x1f1
  base::Range payload;   // what goes to the load address, in the file
  uint64_t load_address = 0;
  uint64_t memory_size = 0;  // what the kernel uses from there on before it knows the memory map
  uint64_t initrd_last = 0;  // the highest address that an initrd may take
  uint32_t command_line_size = 0;  // without the terminating zero

  uint64_t end() const { return load_address + memory_size; }
};

// Where a kernel starts in 64-bit mode, behind its load address.
inline constexpr uint64_t kEntry64Offset = 0x200;

// `head`: the first kRecogniseBytes of the file, or all when it has fewer. kUsage says which field
// is wrong. Promises: the header is inside the head, the payload inside the file, the memory above
// 1 MiB and below 4 GiB. Pure.
base::Result<BzImage> ParseBzImage(std::span<const std::byte> head, uint64_t file_size);

// How many of the file's first bytes ReleaseOf looks at: the header's string is in the setup code.
inline constexpr size_t kReleaseBytes = 0x10000;
// The kernel's release ("6.12.1-amd64"), by which its modules are found; nothing when the file does
// not tell one. Pure.
std::optional<std::string> ReleaseOf(std::span<const std::byte> head);

}  // namespace vmm::boot
