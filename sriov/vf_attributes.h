// What a network card's physical function decides for its virtual functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sriov/mac.h"

namespace sriov {

struct Vlan {
  uint16_t id = 0;             // 0 to 4095; 0: none
  uint8_t qos = 0;             // priority, 0 to 7
  uint16_t protocol = 0x8100;  // EtherType: 802.1Q, or 0x88a8 for 802.1ad
  bool operator==(const Vlan&) const = default;
};

// In Mbit/s; 0: no limit.
struct Rates {
  uint32_t min = 0;
  uint32_t max = 0;
  bool operator==(const Rates&) const = default;
};

enum class LinkState : uint8_t { kAuto, kEnable, kDisable };  // as IFLA_VF_LINK_STATE counts
std::string_view Name(LinkState state);

// Nothing where the driver does not say, or where a request leaves it as it is.
struct VfAttributes {
  std::optional<MacAddress> mac;  // zeros: the function chooses its own
  std::optional<Vlan> vlan;
  std::optional<bool> trust;  // may do what disturbs others: promiscuous mode, its own address
  std::optional<bool> spoof_check;
  std::optional<Rates> rates;
  std::optional<LinkState> link;
  bool operator==(const VfAttributes&) const = default;
};

// What of `wanted` is not so in `present`.
VfAttributes Difference(const VfAttributes& wanted, const VfAttributes& present);
// One attribute in each, in the order of the struct: a refusal then names what is refused.
std::vector<VfAttributes> Single(const VfAttributes& attributes);
// What ip(8) takes behind `ip link set IF vf N`: "mac 02:... vlan 7 qos 3".
std::string Format(const VfAttributes& attributes);

}  // namespace sriov
