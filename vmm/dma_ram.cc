#include "vmm/dma_ram.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>

#include "sysfs/base/log.h"

namespace vmm {
namespace {

using Kind = RamStep::Kind;

std::vector<base::Range> RangesOf(const GuestMemory& memory) {
  std::vector<base::Range> ranges;
  for (const GuestMemory::Block& block : memory.blocks()) {
    ranges.push_back({block.base.value, block.mapping.bytes().size()});
  }
  return ranges;
}

}  // namespace

base::Status DmaRam::DiscardPrivate(std::span<std::byte> memory) {
  if (::madvise(memory.data(), memory.size(), MADV_DONTNEED) == 0) return {};
  return base::FailErrno("discard guest RAM", errno);
}

DmaRam::DmaRam(const GuestMemory& memory, uint64_t block_bytes, Discard discard)
    : memory_(&memory),
      block_bytes_(block_bytes),
      discard_(std::move(discard)),
      pages_(RangesOf(memory), block_bytes) {}

BalloonMode DmaRam::ModeLocked() const {
  if (space_ == nullptr) return BalloonMode::kDiscard;
  return driver_ == Driver::kTells ? BalloonMode::kBlocks : BalloonMode::kInert;
}

base::Status DmaRam::MapLocked(size_t block, bool explained) {
  const base::Range& range = pages_.range(block);
  const base::Iova iova{range.base};
  const std::span<std::byte> bytes = memory_->At(base::GuestPhys{range.base}, range.size);
  TRY(explained ? space_->Map(iova, bytes) : space_->MapAgain(iova, bytes));
  pages_.Mapped(block);
  return {};
}

base::Status DmaRam::MapAllLocked(const std::vector<RamStep>& steps) {
  for (const RamStep& step : steps) TRY(MapLocked(step.block, false));
  return {};
}

void DmaRam::DiscardLocked(const base::Range& range) {
  static base::Limited failures;
  const base::Status done = discard_(memory_->At(base::GuestPhys{range.base}, range.size));
  if (done) return pages_.Discarded(range);
  failures.Log(base::Level::kWarning, "balloon: {}", done.error().message());
}

// Block by block: the balloon's requests go on meanwhile, and find the space.
base::Status DmaRam::MapInto(vfio::DmaSpace& space) {
  {
    const std::lock_guard lock(mutex_);
    space_ = &space;
  }
  for (size_t block = 0; block < pages_.block_count(); ++block) {
    const std::lock_guard lock(mutex_);
    if (StaysOutLocked(block)) {
      DiscardLocked(pages_.range(block));
    } else if (!pages_.mapped(block)) {
      TRY(MapLocked(block, true));
    }
  }
  return {};
}

bool DmaRam::StaysOutLocked(size_t block) const {
  return pages_.full(block) && driver_ == Driver::kTells;
}

std::vector<std::span<std::byte>> DmaRam::ToMap() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::span<std::byte>> all;
  for (size_t block = 0; block < pages_.block_count(); ++block) {
    if (pages_.mapped(block) || StaysOutLocked(block)) continue;
    const base::Range& range = pages_.range(block);
    const auto bytes = memory_->At(base::GuestPhys{range.base}, range.size);
    if (!all.empty() && all.back().data() + all.back().size() == bytes.data()) {
      all.back() = {all.back().data(), all.back().size() + bytes.size()};
    } else {
      all.push_back(bytes);
    }
  }
  return all;
}

void DmaRam::Forget() {
  const std::lock_guard lock(mutex_);
  space_ = nullptr;
  for (size_t block = 0; block < pages_.block_count(); ++block) pages_.Unmapped(block);
}

void DmaRam::DiscardRest() {
  const std::lock_guard lock(mutex_);
  if (space_ != nullptr || driver_ != Driver::kTells) return;
  for (const RamStep& step : pages_.Leftover()) DiscardLocked(step.range);
}

void DmaRam::SetDriver(Driver driver) {
  const std::lock_guard lock(mutex_);
  driver_ = driver;
}

size_t DmaRam::Inflate(std::span<const uint32_t> pages) {
  const std::lock_guard lock(mutex_);
  const RamSteps plan = pages_.Inflate(pages, ModeLocked());
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const RamStep& step = plan.steps[i];
    if (step.kind == Kind::kDiscard) {
      DiscardLocked(step.range);
      continue;
    }
    static base::Limited failures;
    if (const auto done = space_->Unmap(base::Iova{step.range.base}, step.range.size); !done) {
      failures.Log(base::Level::kWarning, "balloon: {}", done.error().message());
      ++i;  // it stays mapped, so its discard is left out
    } else {
      pages_.Unmapped(step.block);
    }
  }
  return plan.looked_at;
}

base::Result<size_t> DmaRam::Deflate(std::span<const uint32_t> pages) {
  const std::lock_guard lock(mutex_);
  const RamSteps plan = pages_.Deflate(pages, ModeLocked());
  TRY(MapAllLocked(plan.steps));
  pages_.Deflated(pages.first(plan.looked_at));
  return plan.looked_at;
}

// Nothing tells when the guest has them back, so no device may have them mapped.
bool DmaRam::Report(const base::Range& range) {
  const std::lock_guard lock(mutex_);
  const std::span<std::byte> bytes = memory_->At(base::GuestPhys{range.base}, range.size);
  if (space_ != nullptr || bytes.empty()) return false;
  return discard_(bytes).has_value();
}

base::Status DmaRam::Restore() {
  const std::lock_guard lock(mutex_);
  if (closed_) return {};
  const base::Status done = MapAllLocked(pages_.Restore(space_ != nullptr));
  pages_.Restored();
  return done;
}

void DmaRam::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

DmaRam::State DmaRam::state() const {
  const std::lock_guard lock(mutex_);
  return {block_bytes_, pages_.discarded_bytes(), space_ != nullptr,
          ModeLocked() == BalloonMode::kInert && driver_ != Driver::kNone, pages_.strange()};
}

}  // namespace vmm
