// Address kinds as types, and half-open ranges of them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace base {

// An address that cannot be mistaken for one of another kind.
template <class Tag>
struct Address {
  uint64_t value = 0;
  auto operator<=>(const Address&) const = default;
};

using GuestPhys = Address<struct GuestPhysTag>;  // as the guest's page tables say
using Iova = Address<struct IovaTag>;            // as the assigned device says

// [base, base + size); never wraps when made by CheckedRange.
struct Range {
  uint64_t base = 0;
  uint64_t size = 0;

  uint64_t end() const { return base + size; }
  bool empty() const { return size == 0; }
  bool Contains(uint64_t address) const { return address >= base && address - base < size; }
  bool Contains(const Range& other) const {
    return other.base >= base && other.base - base <= size &&
           other.size <= size - (other.base - base);
  }
  bool Overlaps(const Range& other) const {
    return !empty() && !other.empty() && (Contains(other.base) || other.Contains(base));
  }
  auto operator<=>(const Range&) const = default;
};

// Nothing when base + size would wrap (an end of exactly 2^64 wraps too).
constexpr std::optional<Range> CheckedRange(uint64_t base, uint64_t size) {
  if (base + size < base) return std::nullopt;
  return Range{base, size};
}

// `alignment` is a power of two; the caller knows that the sum fits.
constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}
constexpr uint64_t AlignDown(uint64_t value, uint64_t alignment) {
  return value & ~(alignment - 1);
}

inline constexpr uint64_t kPageSize = 4096;
inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

}  // namespace base
