// Guest RAM as the machine's DMA space has it: mapped in blocks, of which a balloon takes some out
// while the guest runs (ram/balloon_pages.h says which and when).
//
// What it promises: memory that is mapped for DMA is never discarded, and memory that a guest has
// been given back is mapped while there is a space.
//
// Thread safe: the machine's main thread maps and forgets a space, the devices' thread does the
// balloon's work. The memory outlives it. No call opens a file but MapInto, which explains
// failures.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "sysfs/base/result.h"
#include "vfio/dma_space.h"
#include "vmm/memory.h"
#include "vmm/ram/balloon_pages.h"

namespace vmm {

class DmaRam {
 public:
  // Gives the host back what is in whole pages, which are zero from then on.
  using Discard = std::function<base::Status(std::span<std::byte>)>;
  static base::Status DiscardPrivate(std::span<std::byte> memory);  // madvise(2), MADV_DONTNEED

  // `block_bytes` as DmaBlockBytes says when the machine has a balloon; 0: each piece of RAM is one
  // map, and there is no balloon.
  DmaRam(const GuestMemory& memory, uint64_t block_bytes, Discard discard = DiscardPrivate);
  DmaRam(const DmaRam&) = delete;
  DmaRam& operator=(const DmaRam&) = delete;

  // Maps all but what the balloon may keep, one to one. The space is used from now on, also after a
  // failure, until Forget.
  base::Status MapInto(vfio::DmaSpace& space);
  // What MapInto would map now, neighbours together.
  std::vector<std::span<std::byte>> ToMap() const;
  // The space is about to go, and everything that is mapped with it.
  void Forget();
  // It is gone: what was kept for its sake can be discarded.
  void DiscardRest();

  // How the balloon's driver behaves.
  enum class Driver : uint8_t {
    kNone,   // there is none
    kTells,  // before it uses a page that it had given
    kUses,   // it may use pages and tell later, or never
  };
  void SetDriver(Driver driver);
  // Pages by number. How many of them it is done with (one at least, of some); the rest is for
  // another call, so that no call lasts. kKernel, kDenied when memory cannot be mapped: Deflate has
  // done nothing to the rest then, and is to be called again.
  size_t Inflate(std::span<const uint32_t> pages);
  base::Result<size_t> Deflate(std::span<const uint32_t> pages);
  // Free pages of a guest that may use them again at any time; whether they were discarded.
  bool Report(const base::Range& range);
  // The guest has all of it back.
  base::Status Restore();
  // The machine ends: nothing is restored any more.
  void Close();

  struct State {
    uint64_t block_bytes = 0;
    uint64_t reclaimed = 0;  // bytes that the host has back
    bool devices = false;    // there is a space
    bool inert = false;      // the balloon takes nothing
    uint64_t strange = 0;    // pages of the guest that are not RAM
  };
  State state() const;

 private:
  BalloonMode ModeLocked() const;
  bool StaysOutLocked(size_t block) const;
  base::Status MapLocked(size_t block, bool explained);
  base::Status MapAllLocked(const std::vector<RamStep>& steps);
  void DiscardLocked(const base::Range& range);

  const GuestMemory* memory_;
  const uint64_t block_bytes_;
  const Discard discard_;
  mutable std::mutex mutex_;  // of all below
  BalloonPages pages_;
  vfio::DmaSpace* space_ = nullptr;
  Driver driver_ = Driver::kNone;
  bool closed_ = false;
};

}  // namespace vmm
