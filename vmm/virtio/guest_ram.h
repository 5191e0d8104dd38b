// Guest memory as an emulated device reaches it: RAM and nothing else, copied before it is looked
// at.
//
// What a guest has written may change between two reads, so nothing here hands out a reference: a
// value is loaded once into a local, and the copy is checked. Pointers into guest RAM exist only in
// iovecs for the kernel; who has them sees to it that the memory stays. An address that is not RAM
// (a BAR, a ROM, a hole) is refused, so that no device can be made to drive another one.
//
// Orders (virtio 1.2, 2.7.13 and 2.8): Load acquires and Store releases; the one order that x86
// does not keep by itself, a store before a later load, is Fence().
//
// Thread safe; the memory outlives it.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "sysfs/base/address.h"
#include "vmm/memory.h"

namespace vmm::virtio {

// What the device is about to do with a piece of memory.
enum class Use : uint8_t { kRead, kWrite };

class GuestRam {
 public:
  struct Region {
    uint64_t base = 0;
    std::span<std::byte> bytes;
  };
  // Ascending, none empty, none over another.
  explicit GuestRam(std::vector<Region> regions) : regions_(std::move(regions)) {}
  explicit GuestRam(const GuestMemory& memory);

  std::span<const Region> regions() const { return regions_; }
  // The host's address of what lies inside one region, for the kernel; nullptr otherwise.
  std::byte* HostAddress(uint64_t address, uint64_t size) const;

  // Whether all of it is inside one region, as a ring has to be.
  bool Contains(uint64_t address, uint64_t size) const;

  // Buffers may go over from one region to the next one; false, with nothing done, when a byte of
  // it is not RAM.
  bool Read(uint64_t address, std::span<std::byte> into) const;
  bool Write(uint64_t address, std::span<const std::byte> from) const;
  // One iovec, or one for each region.
  bool Append(uint64_t address, uint64_t size, Use use, std::vector<iovec>& to) const;

  // A naturally aligned value in one access; nothing outside of RAM or when it is not aligned.
  template <class T>
  std::optional<T> Load(uint64_t address) const {
    static_assert(std::is_unsigned_v<T>);
    std::byte* const at = Aligned(address, sizeof(T), Use::kRead);
    if (at == nullptr) return std::nullopt;
    return __atomic_load_n(reinterpret_cast<const T*>(at), __ATOMIC_ACQUIRE);
  }
  template <class T>
  bool Store(uint64_t address, T value) const {
    static_assert(std::is_unsigned_v<T>);
    std::byte* const at = Aligned(address, sizeof(T), Use::kWrite);
    if (at == nullptr) return false;
    __atomic_store_n(reinterpret_cast<T*>(at), value, __ATOMIC_RELEASE);
    return true;
  }
  static void Fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }

  // For tests that change memory between two reads: called before each.
  void SetReadHook(std::function<void()> hook) { read_hook_ = std::move(hook); }

 private:
  // The part of [address, address + size) that begins there and lies in one region; empty outside
  // of RAM. Every access goes through it, so that one place will know of every write.
  std::span<std::byte> Find(uint64_t address, uint64_t size, Use use) const;
  std::byte* Aligned(uint64_t address, uint64_t size, Use use) const;
  bool IsRam(uint64_t address, uint64_t size) const;

  std::vector<Region> regions_;
  std::function<void()> read_hook_;
};

}  // namespace vmm::virtio
