#include "vmm/ram/balloon_pages.h"

#include <algorithm>
#include <bit>

namespace vmm {
namespace {

using Kind = RamStep::Kind;

constexpr uint64_t kLeastBlock = 2 * base::kMiB;
constexpr uint64_t kMostMaps = 32768;

}  // namespace

uint64_t DmaBlockBytes(uint64_t memory_bytes) {
  return std::max(kLeastBlock, std::bit_ceil((memory_bytes + kMostMaps - 1) / kMostMaps));
}

std::vector<base::Range> CutIntoBlocks(std::span<const base::Range> ram, uint64_t block_bytes) {
  std::vector<base::Range> blocks;
  for (const base::Range& piece : ram) {
    uint64_t at = piece.base;
    while (at < piece.end()) {
      const uint64_t border =
          block_bytes == 0 ? piece.end() : base::AlignDown(at, block_bytes) + block_bytes;
      const uint64_t end = std::min(border, piece.end());
      blocks.push_back({at, end - at});
      at = end;
    }
  }
  return blocks;
}

BalloonPages::BalloonPages(std::span<const base::Range> ram, uint64_t block_bytes) {
  size_t pages = 0;
  for (const base::Range& range : CutIntoBlocks(ram, block_bytes)) {
    blocks_.push_back({range, pages});
    pages += range.size / base::kPageSize;
  }
  // Without blocks there is no balloon.
  if (block_bytes == 0) return;
  has_.resize(pages);
  gone_.resize(pages);
}

std::optional<BalloonPages::Place> BalloonPages::Find(uint64_t page) const {
  const uint64_t address = page * base::kPageSize;
  auto next =
      std::upper_bound(blocks_.begin(), blocks_.end(), address,
                       [](uint64_t value, const Block& block) { return value < block.range.base; });
  if (next == blocks_.begin()) return std::nullopt;
  --next;
  if (has_.empty() || !next->range.Contains({address, base::kPageSize})) return std::nullopt;
  return Place{static_cast<size_t>(next - blocks_.begin()),
               next->first + (address - next->range.base) / base::kPageSize};
}

bool BalloonPages::full(size_t block) const {
  return !has_.empty() && blocks_[block].ballooned == blocks_[block].range.size / base::kPageSize;
}

bool BalloonPages::ballooned(uint64_t page) const {
  const auto place = Find(page);
  return place && has_[place->bit];
}

void BalloonPages::Take(const Place& place) {
  if (has_[place.bit]) return;
  has_[place.bit] = true;
  ++blocks_[place.block].ballooned;
}

void BalloonPages::GiveBack(const Place& place) {
  if (has_[place.bit]) --blocks_[place.block].ballooned;
  has_[place.bit] = false;
  if (gone_[place.bit]) --discarded_;
  gone_[place.bit] = false;
}

RamSteps BalloonPages::Inflate(std::span<const uint32_t> pages, BalloonMode mode) {
  RamSteps plan;
  std::vector<uint64_t> discard;
  size_t blocks = 0;
  for (const uint32_t page : pages) {
    if (blocks == kMostBlocks) break;
    ++plan.looked_at;
    const auto place = Find(page);
    if (!place) {
      ++strange_;
      continue;
    }
    Take(*place);
    const Block& block = blocks_[place->block];
    if (mode == BalloonMode::kDiscard) discard.push_back(page);
    if (mode != BalloonMode::kBlocks || !full(place->block)) continue;
    // Out already, or about to be: the guest gives a page twice.
    const auto known = [&](const RamStep& step) { return step.block == place->block; };
    if (!block.mapped && gone_[place->bit]) continue;
    if (std::any_of(plan.steps.begin(), plan.steps.end(), known)) continue;
    ++blocks;
    if (block.mapped) plan.steps.push_back({Kind::kUnmap, block.range, place->block});
    plan.steps.push_back({Kind::kDiscard, block.range, place->block});
  }
  std::sort(discard.begin(), discard.end());
  discard.erase(std::unique(discard.begin(), discard.end()), discard.end());
  for (const uint64_t page : discard) {
    const uint64_t address = page * base::kPageSize;
    const size_t block = Find(page)->block;
    if (!plan.steps.empty() && plan.steps.back().range.end() == address &&
        plan.steps.back().block == block) {
      plan.steps.back().range.size += base::kPageSize;
    } else {
      plan.steps.push_back({Kind::kDiscard, {address, base::kPageSize}, block});
    }
  }
  return plan;
}

RamSteps BalloonPages::Deflate(std::span<const uint32_t> pages, BalloonMode mode) const {
  RamSteps plan;
  for (const uint32_t page : pages) {
    const auto place = Find(page);
    const bool out = place && mode != BalloonMode::kDiscard && !blocks_[place->block].mapped;
    const auto known = [&](const RamStep& step) { return step.block == place->block; };
    if (out && std::none_of(plan.steps.begin(), plan.steps.end(), known)) {
      if (plan.steps.size() == kMostBlocks) break;
      plan.steps.push_back({Kind::kMap, blocks_[place->block].range, place->block});
    }
    ++plan.looked_at;
  }
  return plan;
}

void BalloonPages::Deflated(std::span<const uint32_t> pages) {
  for (const uint32_t page : pages) {
    if (const auto place = Find(page)) GiveBack(*place);
  }
}

std::vector<RamStep> BalloonPages::Restore(bool devices) const {
  std::vector<RamStep> steps;
  if (!devices) return steps;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    if (!blocks_[i].mapped) steps.push_back({Kind::kMap, blocks_[i].range, i});
  }
  return steps;
}

void BalloonPages::Restored() {
  has_.assign(has_.size(), false);
  gone_.assign(gone_.size(), false);
  discarded_ = 0;
  for (Block& block : blocks_) block.ballooned = 0;
}

std::vector<RamStep> BalloonPages::Leftover() const {
  std::vector<RamStep> steps;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    if (block.mapped || block.ballooned == 0) continue;
    for (size_t page = 0; page < block.range.size / base::kPageSize; ++page) {
      if (!has_[block.first + page] || gone_[block.first + page]) continue;
      const uint64_t address = block.range.base + page * base::kPageSize;
      if (!steps.empty() && steps.back().block == i && steps.back().range.end() == address) {
        steps.back().range.size += base::kPageSize;
      } else {
        steps.push_back({Kind::kDiscard, {address, base::kPageSize}, i});
      }
    }
  }
  return steps;
}

// Pinning gives every page of it memory.
void BalloonPages::Mapped(size_t block) {
  Block& one = blocks_[block];
  one.mapped = true;
  if (gone_.empty()) return;
  for (size_t page = 0; page < one.range.size / base::kPageSize; ++page) {
    if (gone_[one.first + page]) --discarded_;
    gone_[one.first + page] = false;
  }
}

void BalloonPages::Discarded(const base::Range& range) {
  for (uint64_t at = range.base; at < range.end(); at += base::kPageSize) {
    const auto place = Find(at / base::kPageSize);
    if (!place || gone_[place->bit]) continue;
    gone_[place->bit] = true;
    ++discarded_;
  }
}

}  // namespace vmm
