// Whose each byte of the test endpoint's configuration space is: written down register by register,
// from the PCI specifications, it shares nothing with the code that it is held against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace test {

inline constexpr uint16_t kVendorAt = 0xc0;
// Of these the command register and bits of the status register follow rules of their own.
inline constexpr size_t kCommandAt = 4;
inline constexpr size_t kStatusAt = 6;

// 'o' the monitor's, 'k' the kernel's, 'v' vendor-specific, 'u' nobody's.
using ConfigKinds = std::string;

// `vendor`: with a vendor-specific capability at kVendorAt and 16 bytes behind the last extended
// one.
inline ConfigKinds EndpointConfigKinds(bool vendor) {
  ConfigKinds kind(4096, 'u');
  const auto set = [&](size_t first, size_t last, char c) {
    for (size_t at = first; at <= last; ++at) kind[at] = c;
  };
  set(0x00, 0x3f, 'k');
  set(0x04, 0x05, 'o');  // command
  set(0x0e, 0x0f, 'o');  // header type, self test
  set(0x10, 0x2b, 'o');  // BARs, CardBus
  set(0x30, 0x3d, 'o');  // ROM, list, reserved, interrupt line and pin
  set(0x40, 0x47, 'k');
  set(0x40, 0x41, 'o');
  set(0x44, 0x47, 'o');  // power state
  set(0x50, 0x67, 'o');  // MSI
  set(0x70, 0xab, 'k');
  set(0x70, 0x73, 'o');  // type
  set(0x7c, 0x93, 'o');  // link, slot, root
  set(0x9c, 0xab, 'o');
  set(0xb0, 0xbb, 'o');  // MSI-X
  set(0x100, 0x147, 'k');
  set(0x100, 0x103, 'o');
  set(0x140, 0x147, 'o');  // ARI and SR-IOV are gone
  set(0x150, 0x18f, 'o');
  set(0x1a0, 0x1a3, 'o');
  if (!vendor) return kind;
  set(kVendorAt, kVendorAt + 15, 'v');
  set(kVendorAt, kVendorAt + 1, 'o');
  set(0x1a4, 0x1b3, 'v');
  return kind;
}

// The hardware's bytes after the guest's write of `width` bytes at `offset`.
inline void ApplyGuestWrite(const ConfigKinds& kinds, bool strict, size_t offset, unsigned width,
                            uint32_t value, std::vector<std::byte>& hardware) {
  for (size_t i = 0; i < width && offset + i < hardware.size(); ++i) {
    const char kind = kinds[offset + i];
    if (kind == 'k' || (!strict && kind != 'o'))
      hardware[offset + i] = static_cast<std::byte>(value >> (8 * i));
  }
}

// Takes over what the model does not say: the command register, and two bits that are the monitor's
// in a byte that is not, that of the list and, without a pin, that of its interrupt.
inline void AdoptCommand(const std::vector<std::byte>& found, std::vector<std::byte>& expected) {
  expected[kCommandAt] = found[kCommandAt];
  expected[kCommandAt + 1] = found[kCommandAt + 1];
  constexpr std::byte kListAndInterrupt{0x18};
  expected[kStatusAt] =
      (expected[kStatusAt] & ~kListAndInterrupt) | (found[kStatusAt] & kListAndInterrupt);
}

}  // namespace test
