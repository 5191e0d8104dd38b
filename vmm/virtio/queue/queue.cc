#include "vmm/virtio/queue/queue.h"

#include <algorithm>

namespace vmm::virtio {

std::variant<SplitRing, PackedRing> Queue::Make(const ActiveQueue& queue, const GuestRam& ram) {
  if (queue.features().packed) return PackedRing(queue, ram);
  return SplitRing(queue, ram);
}

Queue::Queue(const ActiveQueue& queue, const GuestRam& ram)
    : size_(queue.size()), ring_(Make(queue, ram)) {}

Taken Queue::Take(Chain& chain) {
  if (fault_) return Taken::kBroken;
  const auto next = std::visit([](auto& ring) { return ring.HasNext(); }, ring_);
  if (next && !*next) return Taken::kEmpty;
  fault_ = next ? std::visit([&](auto& ring) { return ring.Take(chain); }, ring_)
                : std::optional(next.error());
  if (fault_) return Taken::kBroken;
  ++in_flight_;
  return Taken::kChain;
}

void Queue::Put(const Chain& chain, uint32_t written) {
  --in_flight_;
  if (fault_) return;
  // More than was there would show the guest what it did not get.
  const auto most = std::min<uint64_t>(TotalSize(chain.writable), UINT32_MAX);
  const auto shown = std::min(written, static_cast<uint32_t>(most));
  std::visit([&](auto& ring) { ring.Put(chain, shown); }, ring_);
}

bool Queue::Publish() {
  return !fault_ && std::visit([](auto& ring) { return ring.Publish(); }, ring_);
}

bool Queue::Arm() {
  if (fault_) return false;
  std::visit([](auto& ring) { ring.Arm(); }, ring_);
  GuestRam::Fence();
  const auto next = std::visit([](auto& ring) { return ring.HasNext(); }, ring_);
  if (next) return *next;
  fault_ = next.error();
  return true;
}

void Queue::Disarm() {
  if (!fault_) std::visit([](auto& ring) { ring.Disarm(); }, ring_);
}

}  // namespace vmm::virtio
