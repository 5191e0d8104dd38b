// One ACPI table under construction: the common header, fields at their offsets, the checksum
// (ACPI 6.5, 5.2.6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/bits.h"

namespace vmm::acpi {

inline constexpr size_t kHeaderSize = 36;

// The sum of all bytes, which is 0 in a table with a right checksum.
uint8_t Sum(std::span<const std::byte> bytes);

class Table {
 public:
  Table(std::string_view signature, uint8_t revision, size_t size = kHeaderSize);

  // Inside the size given.
  template <class Unsigned>
  void Set(size_t offset, Unsigned value) {
    base::StoreLe<Unsigned>(bytes_, offset, value);
  }
  template <class Unsigned>
  void Append(Unsigned value) {
    bytes_.resize(bytes_.size() + sizeof value);
    base::StoreLe<Unsigned>(bytes_, bytes_.size() - sizeof value, value);
  }
  void AppendBytes(std::span<const std::byte> bytes);
  // Length and checksum filled in.
  std::vector<std::byte> Finish() const;

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace vmm::acpi
