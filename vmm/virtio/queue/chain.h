// One request of a guest as its queue gives it: a list of buffers by guest address.
//
// The addresses are the guest's and not checked: what a buffer is used for checks it. The bytes of
// readable buffers count as one run, and those of writable ones as another: where the guest puts
// the borders between its buffers means nothing (virtio 1.2, 2.7.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/virtio/guest_ram.h"

namespace vmm::virtio {

struct Buffer {
  uint64_t address = 0;
  uint32_t size = 0;  // never 0
  bool operator==(const Buffer&) const = default;
};

using Buffers = std::vector<Buffer>;

struct Chain {
  uint16_t id = 0;     // what gives it back to the guest
  uint16_t slots = 1;  // ring entries that it takes
  Buffers readable;
  Buffers writable;

  void Clear();
};

uint64_t TotalSize(std::span<const Buffer> buffers);
// `size` bytes from `offset` on. False when the run is shorter, or is not all RAM.
bool CopyFrom(const GuestRam& ram, std::span<const Buffer> buffers, uint64_t offset,
              std::span<std::byte> into);
bool CopyTo(const GuestRam& ram, std::span<const Buffer> buffers, uint64_t offset,
            std::span<const std::byte> from);
// The same bytes for the kernel, added to `to`.
bool AppendIovecs(const GuestRam& ram, std::span<const Buffer> buffers, uint64_t offset,
                  uint64_t size, Use use, std::vector<iovec>& to);

}  // namespace vmm::virtio
