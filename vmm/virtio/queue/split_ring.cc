#include "vmm/virtio/queue/split_ring.h"

#include "vmm/virtio/queue/descriptor.h"

namespace vmm::virtio {
namespace {

constexpr uint16_t kNoInterrupt = 1;  // VIRTQ_AVAIL_F_NO_INTERRUPT
constexpr uint16_t kNoNotify = 1;     // VIRTQ_USED_F_NO_NOTIFY

}  // namespace

SplitRing::SplitRing(const ActiveQueue& queue, const GuestRam& ram)
    : queue_(queue), ram_(&ram), in_flight_(queue.size()) {}

uint64_t SplitRing::AvailableEntry(uint16_t index) const {
  return queue_.driver() + 4 + 2 * uint64_t{index};
}

uint64_t SplitRing::UsedEntry(uint16_t index) const {
  return queue_.device() + 4 + 8 * uint64_t{index};
}

// The guest's index is read once for all requests that it stands for.
tl::expected<bool, QueueFault> SplitRing::HasNext() {
  if (next_ != available_) return true;
  available_ = ram_->Load<uint16_t>(queue_.driver() + 2).value_or(next_);
  const auto count = static_cast<uint16_t>(available_ - next_);
  if (count > queue_.size()) return tl::unexpected(QueueFault::kIndexJump);
  return count != 0;
}

std::optional<QueueFault> SplitRing::Take(Chain& chain) {
  const auto slot = static_cast<uint16_t>(next_ & (queue_.size() - 1));
  const uint16_t head = ram_->Load<uint16_t>(AvailableEntry(slot)).value_or(UINT16_MAX);
  if (head >= queue_.size() || in_flight_[head]) return QueueFault::kBadHead;
  chain.id = head;
  chain.slots = 1;
  if (const auto fault = Walk(head, chain)) return fault;
  in_flight_[head] = true;
  ++next_;
  return std::nullopt;
}

std::optional<QueueFault> SplitRing::Walk(uint16_t head, Chain& chain) const {
  ChainBuilder builder(queue_, chain);
  uint64_t table = queue_.descriptors();
  uint64_t table_size = queue_.size();
  uint64_t index = head;
  for (bool indirect = false;;) {
    const auto one = ReadDescriptor(*ram_, table, index);
    if (!one) return QueueFault::kBadIndirect;
    const uint16_t flags = one->first;
    if ((flags & kDescriptorIndirect) != 0) {
      if (indirect || (flags & kDescriptorNext) != 0 ||
          !IsIndirectTable(queue_, *ram_, one->address, one->size)) {
        return QueueFault::kBadIndirect;
      }
      table = one->address;
      table_size = one->size / kDescriptorBytes;
      index = 0;
      indirect = true;
      continue;
    }
    if (const auto fault = builder.Add(one->address, one->size, (flags & kDescriptorWrite) != 0)) {
      return fault;
    }
    if ((flags & kDescriptorNext) == 0) return std::nullopt;
    index = one->second;
    if (index >= table_size) return QueueFault::kBadNext;
  }
}

void SplitRing::Put(const Chain& chain, uint32_t written) {
  in_flight_[chain.id] = false;
  const uint64_t entry = UsedEntry(static_cast<uint16_t>(used_ & (queue_.size() - 1)));
  ram_->Store<uint32_t>(entry, chain.id);
  ram_->Store<uint32_t>(entry + 4, written);
  ++used_;
}

bool SplitRing::Publish() {
  if (published_ == used_) return false;
  ram_->Store<uint16_t>(queue_.device() + 2, used_);
  published_ = used_;
  GuestRam::Fence();
  if (!queue_.features().event_idx) {
    return (ram_->Load<uint16_t>(queue_.driver()).value_or(0) & kNoInterrupt) == 0;
  }
  const uint16_t event = ram_->Load<uint16_t>(AvailableEntry(queue_.size())).value_or(0);
  const auto before = std::exchange(judged_, used_);
  if (!before) return true;
  return static_cast<uint16_t>(used_ - event - 1) < static_cast<uint16_t>(used_ - *before);
}

void SplitRing::Arm() {
  if (queue_.features().event_idx) {
    ram_->Store<uint16_t>(UsedEntry(queue_.size()), next_);
  } else {
    ram_->Store<uint16_t>(queue_.device(), 0);
  }
}

// With events, one that lies behind does it.
void SplitRing::Disarm() {
  if (!queue_.features().event_idx) ram_->Store<uint16_t>(queue_.device(), kNoNotify);
}

}  // namespace vmm::virtio
