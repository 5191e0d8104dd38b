// The device's side of a split ring (virtio 1.2, 2.7).
//
// The available ring is at the driver area: flags, index, entries, used_event; the used ring at the
// device area: flags, index, entries of eight bytes, avail_event. Not thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/virtio/queue/active_queue.h"
#include "vmm/virtio/queue/chain.h"

namespace vmm::virtio {

class SplitRing {
 public:
  SplitRing(const ActiveQueue& queue, const GuestRam& ram);

  // Whether the guest has made another request available.
  tl::expected<bool, QueueFault> HasNext();
  // The one that HasNext has seen.
  std::optional<QueueFault> Take(Chain& chain);
  // Gives a request back; the guest sees it with Publish.
  void Put(const Chain& chain, uint32_t written);
  // True when the guest wants to be interrupted.
  bool Publish();
  // Asks the guest to kick from now on, or says that there is no need to.
  void Arm();
  void Disarm();

 private:
  uint64_t AvailableEntry(uint16_t index) const;
  uint64_t UsedEntry(uint16_t index) const;
  std::optional<QueueFault> Walk(uint16_t head, Chain& chain) const;

  const ActiveQueue queue_;
  const GuestRam* ram_;
  uint16_t next_ = 0;       // to take
  uint16_t available_ = 0;  // the guest's index as last read
  uint16_t used_ = 0;
  uint16_t published_ = 0;
  std::optional<uint16_t> judged_;  // the used index at the last decision about an interrupt
  std::vector<bool> in_flight_;     // by head
};

}  // namespace vmm::virtio
