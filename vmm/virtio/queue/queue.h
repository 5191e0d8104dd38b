// The device's side of one virtqueue, split or packed.
//
// A ring that breaks the rules is broken until its reset: it gives no request any more, and what it
// has given is not given back, so that a hostile guest costs one message and no processor time
// (virtio 1.2, 2.1.2: DEVICE_NEEDS_RESET). Every loop over what a guest has written ends after as
// many steps as the queue has entries. Not thread safe.
//
// The order of use:
//   do { Disarm(); while (Take(chain) == kChain) ...; } while (Arm());
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "vmm/virtio/queue/active_queue.h"
#include "vmm/virtio/queue/chain.h"
#include "vmm/virtio/queue/packed_ring.h"
#include "vmm/virtio/queue/split_ring.h"

namespace vmm::virtio {

enum class Taken : uint8_t { kChain, kEmpty, kBroken };

class Queue {
 public:
  // The RAM outlives it.
  Queue(const ActiveQueue& queue, const GuestRam& ram);

  uint16_t size() const { return size_; }
  std::optional<QueueFault> fault() const { return fault_; }
  unsigned in_flight() const { return in_flight_; }  // chains

  // The next request, into `chain`, whose storage is used again.
  Taken Take(Chain& chain);
  // Gives back what Take gave; `written` counts from the first writable byte, without a gap.
  void Put(const Chain& chain, uint32_t written);
  // Shows the guest what was given back; true when it wants to be interrupted for it.
  bool Publish();
  // Asks to be kicked; true when a request came before that and there will be no kick for it.
  bool Arm();
  void Disarm();

 private:
  static std::variant<SplitRing, PackedRing> Make(const ActiveQueue& queue, const GuestRam& ram);

  const uint16_t size_;
  std::variant<SplitRing, PackedRing> ring_;
  std::optional<QueueFault> fault_;
  unsigned in_flight_ = 0;
};

}  // namespace vmm::virtio
