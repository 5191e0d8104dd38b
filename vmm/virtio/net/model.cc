#include "vmm/virtio/net/model.h"

#include <algorithm>

#include "sysfs/base/bits.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;

constexpr uint16_t kDataQueue = 256;
constexpr uint16_t kControlQueueSize = 64;
constexpr uint16_t kLinkUp = 1;
// struct virtio_net_config to the MTU (5.1.4).
constexpr size_t kConfigBytes = 12;

}  // namespace

NetHeader FromGuest(NetHeader header, uint64_t features) {
  const bool checksums = (features & net::kCsum) != 0;
  const bool tcp4 = header.gso_type == NetHeader::kGsoTcp4 && (features & net::kHostTso4) != 0;
  const bool tcp6 = header.gso_type == NetHeader::kGsoTcp6 && (features & net::kHostTso6) != 0;
  NetHeader result;
  if (checksums && (header.flags & NetHeader::kNeedsChecksum) != 0) {
    result.flags = NetHeader::kNeedsChecksum;
    result.checksum_start = header.checksum_start;
    result.checksum_offset = header.checksum_offset;
  }
  if (tcp4 || tcp6) {
    result.gso_type = header.gso_type;
    result.gso_size = header.gso_size;
    result.header_bytes = header.header_bytes;
  }
  return result;
}

bool SuitsGuest(const NetHeader& header, uint64_t offloads) {
  if ((header.flags & NetHeader::kNeedsChecksum) != 0 && (offloads & net::kGuestCsum) == 0) {
    return false;
  }
  switch (header.gso_type) {
    case NetHeader::kGsoNone:
      return true;
    case NetHeader::kGsoTcp4:
      return (offloads & net::kGuestTso4) != 0;
    case NetHeader::kGsoTcp6:
      return (offloads & net::kGuestTso6) != 0;
    default:
      return false;
  }
}

std::vector<std::byte> NetConfig(const NetShape& shape, bool link) {
  std::vector<std::byte> config(kConfigBytes);
  std::transform(shape.mac.bytes.begin(), shape.mac.bytes.end(), config.begin(),
                 [](uint8_t byte) { return std::byte{byte}; });
  base::StoreLe(config, 6, static_cast<uint16_t>(link ? kLinkUp : 0));
  base::StoreLe(config, 8, static_cast<uint16_t>(shape.pairs));
  base::StoreLe(config, 10, shape.mtu.value_or(0));
  return config;
}

DeviceModel NetModel(const NetShape& shape) {
  DeviceModel model;
  model.kind = kNetKind;
  model.packed = shape.packed;
  model.features = net::kMac | net::kStatus | net::kControl | net::kControlRx | net::kControlVlan;
  if (shape.standby) model.features |= net::kStandby;
  if (shape.own_mac && !shape.standby) model.features |= net::kControlMac;
  if (shape.mtu) model.features |= net::kMtu;
  if (shape.pairs > 1) model.features |= net::kMultiQueue;
  if (shape.merges) model.features |= net::kMergeBuffers;
  if (shape.offloads) {
    model.features |=
        net::kCsum | net::kHostTso4 | net::kHostTso6 | net::kGuestOffloads | net::kControlOffloads;
  }
  for (unsigned i = 0; i < 2 * shape.pairs; ++i) model.queue_sizes.push_back(kDataQueue);
  model.queue_sizes.push_back(kControlQueueSize);
  model.config = NetConfig(shape, shape.link);
  // 5.1.3.1.
  model.needs = {{net::kGuestTso4, net::kGuestCsum},    {net::kGuestTso6, net::kGuestCsum},
                 {net::kHostTso4, net::kCsum},          {net::kHostTso6, net::kCsum},
                 {net::kControlRx, net::kControl},      {net::kControlVlan, net::kControl},
                 {net::kMultiQueue, net::kControl},     {net::kControlMac, net::kControl},
                 {net::kControlOffloads, net::kControl}};
  return model;
}

uint16_t ControlQueue(const NetShape& shape, uint64_t features) {
  const bool all = (features & net::kMultiQueue) != 0;
  return static_cast<uint16_t>(all ? 2 * shape.pairs : 2);
}

}  // namespace vmm::virtio
