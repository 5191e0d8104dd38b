// What a boot plan promises, whatever the kernel file holds.
#pragma once

#include <algorithm>
#include <vector>

#include "tests/fuzz/input.h"
#include "vmm/boot/plan.h"

namespace test {

inline vmm::Layout LayoutOf(uint64_t memory_bytes) {
  vmm::Layout layout;
  layout.ram = {{0, memory_bytes}};
  return layout;
}

inline void CheckPlan(const vmm::boot::BootPlan& plan, uint64_t kernel_size, uint64_t initrd_size,
                      const vmm::Layout& layout) {
  std::vector<base::Range> ranges;
  for (const vmm::boot::Piece& piece : plan.pieces) {
    Check(layout.ram.front().Contains(piece.memory), "a piece is in RAM");
    Check(piece.size() <= piece.memory.size, "a piece is not larger than its place");
    const bool kernel = piece.origin == vmm::boot::Origin::kKernel;
    Check(piece.origin == vmm::boot::Origin::kMade ||
              base::Range{0, kernel ? kernel_size : initrd_size}.Contains(piece.part),
          "a piece is inside its file");
    if (!piece.memory.empty()) ranges.push_back(piece.memory);
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i)
    Check(ranges[i - 1].end() <= ranges[i].base, "no piece overlaps another");
}

}  // namespace test
