// Little-endian values in byte blocks, and bit fields by name (high bit first, as data sheets print
// them).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace base {

template <unsigned High, unsigned Low = High>
struct Field {
  static_assert(High >= Low && High < 64);
  static constexpr uint64_t kMask =
      (High - Low == 63 ? ~uint64_t{0} : (uint64_t{1} << (High - Low + 1)) - 1) << Low;
  template <class Unsigned>
  static constexpr Unsigned Get(Unsigned raw) {
    return static_cast<Unsigned>((raw & static_cast<Unsigned>(kMask)) >> Low);
  }
  template <class Unsigned>
  static constexpr Unsigned Set(Unsigned raw, Unsigned value) {
    const auto mask = static_cast<Unsigned>(kMask);
    return static_cast<Unsigned>(
        (raw & static_cast<Unsigned>(~mask)) |
        (static_cast<Unsigned>(static_cast<uint64_t>(value) << Low) & mask));
  }
};

// All ones when the block does not hold the whole value: what a PCI read of nothing gives.
template <class Unsigned>
Unsigned LoadLe(std::span<const std::byte> block, size_t offset) {
  static_assert(std::is_unsigned_v<Unsigned>);
  auto value = static_cast<Unsigned>(~Unsigned{0});
  if (offset <= block.size() && block.size() - offset >= sizeof value) {
    std::memcpy(&value, block.data() + offset, sizeof value);
  }
  return value;
}

// Ignored when the block does not hold the whole value.
template <class Unsigned>
void StoreLe(std::span<std::byte> block, size_t offset, Unsigned value) {
  static_assert(std::is_unsigned_v<Unsigned>);
  if (offset <= block.size() && block.size() - offset >= sizeof value) {
    std::memcpy(block.data() + offset, &value, sizeof value);
  }
}

}  // namespace base
