// A frame by which switches and bridges learn where an address is: a reverse ARP request of it
// about itself, which nobody answers (RFC 903). Pure.
#pragma once

#include <array>
#include <cstddef>

#include "vmm/virtio/net/options.h"

namespace vmm::virtio {

// The shortest that Ethernet has, without its checksum.
inline constexpr size_t kAnnouncementBytes = 60;
std::array<std::byte, kAnnouncementBytes> AnnouncementOf(const Mac& mac);

}  // namespace vmm::virtio
