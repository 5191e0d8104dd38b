// Where a PCI function sits: domain:bus:device.function.
//
// Domains are up to 32 bits wide (VMD uses 0x10000 and above). Text is hexadecimal, `dddd:bb:dd.f`
// in lower case (Documentation/ABI/testing/sysfs-bus-pci).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"

namespace sysfs {

struct PciAddress {
  uint32_t domain = 0;
  uint8_t bus = 0;
  uint8_t device = 0;    // 0 to 31
  uint8_t function = 0;  // 0 to 7

  // `08:00.0`, `0000:08:00.0`, `8:0.0`, `10000:01:00.0`; anything else is kUsage with the form that
  // is wanted.
  static base::Result<PciAddress> Parse(std::string_view text);
  std::string ToString() const;
  // Bus, device and function as one number (PCIe 6.0, 2.2.6.2).
  uint16_t routing_id() const { return static_cast<uint16_t>(bus << 8 | device << 3 | function); }
  auto operator<=>(const PciAddress&) const = default;
};

}  // namespace sysfs

template <>
struct std::hash<sysfs::PciAddress> {
  size_t operator()(const sysfs::PciAddress& address) const noexcept {
    return std::hash<uint64_t>{}(uint64_t{address.domain} << 16 | address.routing_id());
  }
};
