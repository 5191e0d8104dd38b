// What a virtio network device offers, its configuration, and the header before each frame (virtio
// 1.2, 5.1). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "vmm/virtio/device.h"
#include "vmm/virtio/net/options.h"

namespace vmm::virtio {

// 5.1.3.
namespace net_feature {
inline constexpr uint64_t kCsum = uint64_t{1} << 0;       // the host may be left checksums to fill
inline constexpr uint64_t kGuestCsum = uint64_t{1} << 1;  // and the guest
inline constexpr uint64_t kControlOffloads = uint64_t{1} << 2;
inline constexpr uint64_t kMtu = uint64_t{1} << 3;
inline constexpr uint64_t kMac = uint64_t{1} << 5;
inline constexpr uint64_t kGuestTso4 = uint64_t{1} << 7;
inline constexpr uint64_t kGuestTso6 = uint64_t{1} << 8;
inline constexpr uint64_t kHostTso4 = uint64_t{1} << 11;
inline constexpr uint64_t kHostTso6 = uint64_t{1} << 12;
inline constexpr uint64_t kMergeBuffers = uint64_t{1} << 15;
inline constexpr uint64_t kStatus = uint64_t{1} << 16;
inline constexpr uint64_t kControl = uint64_t{1} << 17;
inline constexpr uint64_t kControlRx = uint64_t{1} << 18;
inline constexpr uint64_t kControlVlan = uint64_t{1} << 19;
inline constexpr uint64_t kMultiQueue = uint64_t{1} << 22;
inline constexpr uint64_t kControlMac = uint64_t{1} << 23;
inline constexpr uint64_t kStandby = uint64_t{1} << 62;

// What the guest takes from the host, and may switch while it runs.
inline constexpr uint64_t kGuestOffloads = kGuestCsum | kGuestTso4 | kGuestTso6;
}  // namespace net_feature

// struct virtio_net_hdr_v1 (5.1.6), always twelve bytes with VERSION_1. Little-endian.
struct NetHeader {
  static constexpr uint8_t kNeedsChecksum = 1;
  static constexpr uint8_t kGsoNone = 0;
  static constexpr uint8_t kGsoTcp4 = 1;
  static constexpr uint8_t kGsoTcp6 = 4;

  uint8_t flags = 0;
  uint8_t gso_type = kGsoNone;
  uint16_t header_bytes = 0;  // a hint
  uint16_t gso_size = 0;
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
  uint16_t buffers = 0;
  bool operator==(const NetHeader&) const = default;
};
static_assert(sizeof(NetHeader) == 12);

// The longest frame of anybody, its header not counted: a segment to be split, and what is around.
inline constexpr size_t kMostFrame = 69632;
inline constexpr size_t kLeastFrame = 14;  // an Ethernet header

// What a driver with these features may ask of the host; all else in its header is nothing.
NetHeader FromGuest(NetHeader header, uint64_t features);
// Whether the guest takes a frame as it is with these offloads switched on.
bool SuitsGuest(const NetHeader& header, uint64_t offloads);

// What stands behind a device.
struct NetShape {
  Mac mac;
  std::optional<uint16_t> mtu;
  unsigned pairs = 1;
  bool offloads = false;  // the host's side does checksums and segmentation
  bool merges = true;     // a frame may fill several buffers
  bool link = true;       // at the start
  bool own_mac = true;    // the guest may take another one
  bool packed = false;    // queues are offered
  bool standby = false;   // for an assigned device with the same address
};
std::vector<std::byte> NetConfig(const NetShape& shape, bool link);
DeviceModel NetModel(const NetShape& shape);
// Receive and transmit queues in turn, then the control queue, whose place depends on what the
// driver took (5.1.2).
uint16_t ControlQueue(const NetShape& shape, uint64_t features);

}  // namespace vmm::virtio
