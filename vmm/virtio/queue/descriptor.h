// Descriptors, sixteen bytes each, of both ring formats (virtio 1.2, 2.7.5 and 2.8.13), and how a
// list of them becomes a chain.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/virtio/guest_ram.h"
#include "vmm/virtio/queue/active_queue.h"
#include "vmm/virtio/queue/chain.h"

namespace vmm::virtio {

inline constexpr uint64_t kDescriptorBytes = 16;

inline constexpr uint16_t kDescriptorNext = 1;
inline constexpr uint16_t kDescriptorWrite = 2;
inline constexpr uint16_t kDescriptorIndirect = 4;
// Of the packed format alone.
inline constexpr uint16_t kDescriptorAvailable = 1u << 7;
inline constexpr uint16_t kDescriptorUsed = 1u << 15;

// A copy: the last two fields are (flags, next) in the split format and (id, flags) in the packed
// one.
struct Descriptor {
  uint64_t address = 0;
  uint32_t size = 0;
  uint16_t first = 0;
  uint16_t second = 0;
};

// Nothing outside of RAM.
std::optional<Descriptor> ReadDescriptor(const GuestRam& ram, uint64_t table, uint64_t index);

// Collects the buffers of one request and holds to the rules that both formats share.
class ChainBuilder {
 public:
  ChainBuilder(const ActiveQueue& queue, Chain& chain) : queue_(&queue), chain_(&chain) {
    chain.Clear();
  }
  // An empty buffer only counts.
  std::optional<QueueFault> Add(uint64_t address, uint32_t size, bool writable);

 private:
  const ActiveQueue* queue_;
  Chain* chain_;
  unsigned count_ = 0;
};

// The table's own rules: whole descriptors, in RAM, and only when it was negotiated.
bool IsIndirectTable(const ActiveQueue& queue, const GuestRam& ram, uint64_t address,
                     uint32_t size);

}  // namespace vmm::virtio
