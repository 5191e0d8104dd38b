// A virtio network device as its user describes it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sysfs/base/result.h"

namespace vmm::virtio {

struct Mac {
  std::array<uint8_t, 6> bytes{};
  std::string Text() const;
  bool operator==(const Mac&) const = default;
};
// Six pairs of hexadecimal digits with colons; kUsage also for an address of a group, or of nobody.
base::Result<Mac> ParseMac(std::string_view text);
// Locally administered, by chance.
Mac RandomMac();

struct TapLink {
  std::string interface;  // an existing one; empty: a new one, which goes with the machine
  bool vhost = false;     // the host's kernel does the work
  bool operator==(const TapLink&) const = default;
};
// Frames with their length in front, as QEMU's stream socket and passt have them.
struct SocketLink {
  std::string path;     // of a Unix socket
  bool listen = false;  // waits for its peer; otherwise the peer is there
  bool operator==(const SocketLink&) const = default;
};
// A macvtap in bridge mode over an interface of the host, made for the machine alone.
struct MacvtapLink {
  std::string lower;
  bool operator==(const MacvtapLink&) const = default;
};

struct NetOptions {
  std::variant<TapLink, SocketLink, MacvtapLink> link;
  std::optional<Mac> mac;       // nothing: by chance
  std::optional<uint16_t> mtu;  // that the guest is told
  unsigned queues = 1;          // pairs
  uint64_t rate = 0;            // bytes per second in each direction; 0: as many as come
  bool packed = false;          // offers packed virtqueues
  std::string standby = {};     // the id of an assigned device that it stands by for
};
inline constexpr unsigned kMostNetQueues = 8;
inline constexpr uint16_t kLeastMtu = 68;  // of IPv4; below it a driver gives up

}  // namespace vmm::virtio
