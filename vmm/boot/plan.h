// What goes where in guest RAM to start a kernel: a plan value, so that it can be checked without a
// guest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/boot/boot.h"
#include "vmm/boot/bzimage.h"
#include "vmm/boot/pvh.h"
#include "vmm/layout.h"

namespace vmm::boot {

// Where a piece's bytes are.
enum class Origin : uint8_t { kMade, kKernel, kInitrd };

// Bytes at an address, then zeros up to the size.
struct Piece {
  base::Range memory;
  Origin origin = Origin::kMade;
  base::Range part;             // of the kernel's file or of the initrd, inside it
  std::vector<std::byte> made;  // kMade

  uint64_t size() const { return origin == Origin::kMade ? made.size() : part.size; }
};

struct BootPlan {
  std::vector<Piece> pieces;
  EntryState entry;
};

struct BootInput {
  std::span<const std::byte> head;  // of a bzImage, with its header
  uint64_t initrd_size = 0;         // 0: none
  std::string_view command_line;
  uint64_t rsdp = 0;
};

// Kernel, initrd, the initrd's files when they are unpacked, and what a distribution's kernel takes
// until init runs. With less it does not start, or the out-of-memory killer ends it.
uint64_t MinimumMemory(uint64_t kernel_end, uint64_t initrd_size);

// kUsage says what does not fit: the command line, or kernel and initrd below the hole. Pure.
base::Result<BootPlan> PlanLinux64(const BzImage& image, const BootInput& input,
                                   const Layout& layout);
base::Result<BootPlan> PlanPvh(const PvhKernel& kernel, const BootInput& input,
                               const Layout& layout);

}  // namespace vmm::boot
