// Ethernet addresses of virtual functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"

namespace sriov {

struct MacAddress {
  std::array<uint8_t, 6> bytes = {};  // in the order of the wire

  // Six pairs of hexadecimal digits between colons or dashes. kUsage for anything else, and for
  // what no function can have: zeros and group addresses (IEEE 802, first byte odd).
  static base::Result<MacAddress> Parse(std::string_view text);
  // As Parse, for what the kernel reported: zeros ("none set") and group addresses as well.
  static base::Result<MacAddress> ParseAny(std::string_view text);
  std::string ToString() const;  // 02:00:5e:10:00:01
  bool is_zero() const { return bytes == decltype(bytes){}; }
  auto operator<=>(const MacAddress&) const = default;
};

// The same address for the same function at every boot: locally administered, from a hash of the
// machine's id (machine-id(5)), the physical function's place and the index.
MacAddress StableMac(std::string_view machine_id, const sysfs::PciAddress& pf, unsigned index);

}  // namespace sriov
