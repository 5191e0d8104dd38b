#include "vmm/virtio/net/control.h"

#include <algorithm>

#include "sysfs/base/bits.h"
#include "vmm/virtio/net/model.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;

using Bytes = std::span<const std::byte>;

// Class and command, as the two bytes that they are.
constexpr uint16_t Of(uint8_t group, uint8_t command) {
  return static_cast<uint16_t>(group << 8 | command);
}
constexpr uint16_t kPromiscuous = Of(0, 0);
constexpr uint16_t kAllMulticast = Of(0, 1);
constexpr uint16_t kMacTable = Of(1, 0);
constexpr uint16_t kMacAddress = Of(1, 1);
constexpr uint16_t kVlanAdd = Of(2, 0);
constexpr uint16_t kVlanDelete = Of(2, 1);
constexpr uint16_t kPairs = Of(4, 0);
constexpr uint16_t kOffloads = Of(5, 0);

bool SetFlag(Bytes data, bool& flag) {
  if (data.size() != 1 || std::to_integer<unsigned>(data[0]) > 1) return false;
  flag = data[0] == std::byte{1};
  return true;
}

// Two lists of addresses, each with its count in front; whole ones.
bool IsMacTable(Bytes data) {
  for (unsigned list = 0; list < 2; ++list) {
    if (data.size() < 4) return false;
    const uint64_t bytes = uint64_t{base::LoadLe<uint32_t>(data, 0)} * 6;
    if (bytes > data.size() - 4) return false;
    data = data.subspan(4 + bytes);
  }
  return data.empty();
}

bool SetMac(Bytes data, Mac& to) {
  Mac mac;
  if (data.size() != mac.bytes.size()) return false;
  std::transform(data.begin(), data.end(), mac.bytes.begin(),
                 [](std::byte byte) { return std::to_integer<uint8_t>(byte); });
  if ((mac.bytes.front() & 1) != 0) return false;
  to = mac;
  return true;
}

bool SetPairs(Bytes data, unsigned most, NetState& state) {
  const uint16_t pairs = data.size() == 2 ? base::LoadLe<uint16_t>(data, 0) : uint16_t{0};
  if (pairs == 0 || pairs > most) return false;
  state.pairs = pairs;
  return true;
}

bool SetOffloads(Bytes data, NetState& state) {
  if (data.size() != 8) return false;
  const auto wanted = base::LoadLe<uint64_t>(data, 0);
  if ((wanted & ~(state.features & net::kGuestOffloads)) != 0) return false;
  const bool segments = (wanted & (net::kGuestTso4 | net::kGuestTso6)) != 0;
  if (segments && (wanted & net::kGuestCsum) == 0) return false;
  state.offloads = wanted;
  return true;
}

}  // namespace

bool Control(Bytes command, unsigned most, NetState& state) {
  if (command.size() < 2) return false;
  const Bytes data = command.subspan(2);
  const auto has = [&](uint64_t feature) { return (state.features & feature) != 0; };
  switch (Of(std::to_integer<uint8_t>(command[0]), std::to_integer<uint8_t>(command[1]))) {
    case kPromiscuous:
      return has(net::kControlRx) && SetFlag(data, state.promiscuous);
    case kAllMulticast:
      return has(net::kControlRx) && SetFlag(data, state.all_multicast);
    case kMacTable:
      return has(net::kControlRx) && IsMacTable(data);
    case kMacAddress:
      return has(net::kControlMac) && SetMac(data, state.mac);
    case kVlanAdd:
    case kVlanDelete:
      return has(net::kControlVlan) && data.size() == 2 && base::LoadLe<uint16_t>(data, 0) < 4096;
    case kPairs:
      return has(net::kMultiQueue) && SetPairs(data, most, state);
    case kOffloads:
      return has(net::kControlOffloads) && SetOffloads(data, state);
    default:
      return false;
  }
}

}  // namespace vmm::virtio
