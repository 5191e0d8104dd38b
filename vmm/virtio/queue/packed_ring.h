// The device's side of a packed ring (virtio 1.2, 2.8): one ring of descriptors that both sides
// write, and an event suppression structure of each side.
//
// Not thread safe.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/virtio/queue/active_queue.h"
#include "vmm/virtio/queue/chain.h"

namespace vmm::virtio {

class PackedRing {
 public:
  PackedRing(const ActiveQueue& queue, const GuestRam& ram) : queue_(queue), ram_(&ram) {}

  // As those of SplitRing.
  tl::expected<bool, QueueFault> HasNext();
  std::optional<QueueFault> Take(Chain& chain);
  void Put(const Chain& chain, uint32_t written);
  bool Publish();
  void Arm();
  void Disarm();

 private:
  // A place in the ring; the counter turns each time round.
  struct Position {
    uint16_t index = 0;
    bool wrap = true;
    void Advance(unsigned count, uint16_t size);
  };
  struct Flags {
    uint64_t address;
    uint16_t value;
  };
  uint64_t FlagsOf(uint16_t index) const { return queue_.descriptors() + 16 * index + 14; }
  std::optional<QueueFault> Walk(Chain& chain) const;
  std::optional<QueueFault> WalkTable(uint64_t table, uint32_t bytes, Chain& chain) const;

  const ActiveQueue queue_;
  const GuestRam* ram_;
  Position next_;              // to take
  Position used_;              // to give back
  std::optional<Flags> held_;  // of the first that was given back since Publish: written last
  unsigned given_ = 0;         // entries since Publish
  unsigned in_flight_ = 0;     // entries
  bool judged_ = false;        // an interrupt was decided about
};

}  // namespace vmm::virtio
