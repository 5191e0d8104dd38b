// The control queue of a virtio network device (virtio 1.2, 5.1.6.5): a command becomes another
// state, or is refused. Pure.
//
// Drivers wait for the answer in a busy loop, so that whatever a command means outside is done
// after it.
#pragma once

#include <cstdint>
#include <span>

#include "vmm/virtio/net/options.h"

namespace vmm::virtio {

// More than this no command has.
inline constexpr size_t kMostControl = 4096;

// What a driver has set, since its start.
struct NetState {
  uint64_t features = 0;
  uint64_t offloads = 0;  // of net_feature::kGuestOffloads
  unsigned pairs = 1;     // in use
  Mac mac;
  // Filters. All is delivered all the same: the frames are the guest's own.
  bool promiscuous = false;
  bool all_multicast = false;
  bool operator==(const NetState&) const = default;
};

// `most` pairs are there. `command` is what the guest gave, to its end or kMostControl bytes. True
// when it was taken; otherwise the state is as before.
bool Control(std::span<const std::byte> command, unsigned most, NetState& state);

}  // namespace vmm::virtio
