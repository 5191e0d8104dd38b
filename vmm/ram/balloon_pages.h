// Which pages of guest RAM the balloon has, which blocks of RAM are mapped for DMA, and what has to
// be done to memory when the guest gives or takes pages. Pure.
//
// The kernel pins what is mapped for DMA: to discard a pinned page frees nothing, and from then on
// the guest's processors and its devices see different pages. A map can only be undone as a whole
// (vfio_iommu_type1.c, iommufd's io_pagetable.c). So beside devices RAM is mapped in blocks, a
// block leaves the DMA space when the balloon has all of its pages, and only then is it discarded;
// it is mapped again before the guest has one of them back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sysfs/base/address.h"

namespace vmm {

// Of a machine with a balloon: a power of two from 2 MiB on, so that there are at most some 32,768
// blocks (the kernel's usual limit of maps is 65,535).
uint64_t DmaBlockBytes(uint64_t memory_bytes);
// Ascending; borders are multiples of `block_bytes`, and where a piece of RAM begins or ends. 0:
// each piece is one block.
std::vector<base::Range> CutIntoBlocks(std::span<const base::Range> ram, uint64_t block_bytes);

// What becomes of pages that the balloon gets.
enum class BalloonMode : uint8_t {
  kDiscard,  // no device: each page is discarded at once
  kBlocks,   // beside devices, whole blocks
  kInert,    // beside devices, with a driver that uses pages before it says so: nothing
};

struct RamStep {
  enum class Kind : uint8_t { kMap, kUnmap, kDiscard };
  Kind kind = Kind::kMap;
  base::Range range;  // a block's, but for kDiscard without devices
  size_t block = 0;   // that it is in, or begins in
  bool operator==(const RamStep&) const = default;
};

struct RamSteps {
  std::vector<RamStep> steps;  // in this order
  size_t looked_at = 0;        // so many of the pages; the rest is for another call
};

class BalloonPages {
 public:
  // Steps of a call that map or unmap, at most.
  static constexpr size_t kMostBlocks = 8;

  BalloonPages(std::span<const base::Range> ram, uint64_t block_bytes);

  // The balloon has these pages (by number, of 4 KiB; what is not RAM is passed over) from now on.
  // An unmap that fails: its block stays as it is, and the discard after it is left out.
  RamSteps Inflate(std::span<const uint32_t> pages, BalloonMode mode);
  // What comes before the guest has these back, which Deflated then says.
  RamSteps Deflate(std::span<const uint32_t> pages, BalloonMode mode) const;
  void Deflated(std::span<const uint32_t> pages);
  // The guest has all back, of which nobody will tell: what is not mapped. For a machine without
  // devices that is nothing.
  std::vector<RamStep> Restore(bool devices) const;
  void Restored();
  // What the balloon has and nobody has discarded, of blocks that are not mapped.
  std::vector<RamStep> Leftover() const;

  // What was done.
  void Mapped(size_t block);
  void Unmapped(size_t block) { blocks_[block].mapped = false; }
  void Discarded(const base::Range& range);

  size_t block_count() const { return blocks_.size(); }
  const base::Range& range(size_t block) const { return blocks_[block].range; }
  bool mapped(size_t block) const { return blocks_[block].mapped; }
  // The balloon has all of its pages.
  bool full(size_t block) const;
  bool ballooned(uint64_t page) const;
  uint64_t discarded_bytes() const { return discarded_ * base::kPageSize; }
  uint64_t strange() const { return strange_; }  // pages that are not RAM

 private:
  struct Block {
    base::Range range;
    size_t first = 0;  // its first page's place in the bitmaps
    size_t ballooned = 0;
    bool mapped = false;
  };
  struct Place {
    size_t block = 0;
    size_t bit = 0;
  };
  std::optional<Place> Find(uint64_t page) const;
  void Take(const Place& place);
  void GiveBack(const Place& place);

  std::vector<Block> blocks_;
  std::vector<bool> has_;   // the balloon, by page
  std::vector<bool> gone_;  // discarded since the guest or a device last had it
  uint64_t discarded_ = 0;
  uint64_t strange_ = 0;
};

}  // namespace vmm
