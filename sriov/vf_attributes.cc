#include "sriov/vf_attributes.h"

#include <fmt/format.h>

namespace sriov {
namespace {

// Calls `visit` with each member of the structure.
template <class Visit>
void ForEachMember(Visit visit) {
  visit(&VfAttributes::mac);
  visit(&VfAttributes::vlan);
  visit(&VfAttributes::trust);
  visit(&VfAttributes::spoof_check);
  visit(&VfAttributes::rates);
  visit(&VfAttributes::link);
}

}  // namespace

std::string_view Name(LinkState state) {
  switch (state) {
    case LinkState::kAuto:
      return "auto";
    case LinkState::kEnable:
      return "enable";
    case LinkState::kDisable:
      return "disable";
  }
  return "unknown";
}

VfAttributes Difference(const VfAttributes& wanted, const VfAttributes& present) {
  VfAttributes difference;
  ForEachMember([&](auto member) {
    if (wanted.*member && wanted.*member != present.*member) difference.*member = wanted.*member;
  });
  return difference;
}

std::vector<VfAttributes> Single(const VfAttributes& attributes) {
  std::vector<VfAttributes> all;
  ForEachMember([&](auto member) {
    if (!(attributes.*member)) return;
    VfAttributes one;
    one.*member = attributes.*member;
    all.push_back(one);
  });
  return all;
}

std::string Format(const VfAttributes& attributes) {
  std::string text;
  const auto on_off = [](bool value) { return value ? "on" : "off"; };
  if (attributes.mac) text += " mac " + attributes.mac->ToString();
  if (const auto& vlan = attributes.vlan) {
    text += fmt::format(" vlan {} qos {}", vlan->id, vlan->qos);
    if (vlan->protocol == 0x88a8) text += " proto 802.1ad";
  }
  if (attributes.trust) text += fmt::format(" trust {}", on_off(*attributes.trust));
  if (attributes.spoof_check) text += fmt::format(" spoofchk {}", on_off(*attributes.spoof_check));
  if (const auto& rates = attributes.rates)
    text += fmt::format(" max_tx_rate {} min_tx_rate {}", rates->max, rates->min);
  if (attributes.link) text += fmt::format(" state {}", Name(*attributes.link));
  return text.empty() ? text : text.substr(1);
}

}  // namespace sriov
