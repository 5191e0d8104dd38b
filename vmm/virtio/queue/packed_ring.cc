#include "vmm/virtio/queue/packed_ring.h"

#include "vmm/virtio/queue/descriptor.h"

namespace vmm::virtio {
namespace {

// Event suppression structure (2.8.14): offset and wrap counter, then flags.
constexpr uint64_t kEventFlags = 2;
enum Event : uint16_t { kEnable = 0, kDisable = 1, kAtDescriptor = 2, kMask = 3 };
constexpr uint16_t kWrap = 1u << 15;

}  // namespace

void PackedRing::Position::Advance(unsigned count, uint16_t size) {
  const unsigned next = index + count;
  if (next >= size) wrap = !wrap;
  index = static_cast<uint16_t>(next >= size ? next - size : next);
}

tl::expected<bool, QueueFault> PackedRing::HasNext() {
  const uint16_t flags = ram_->Load<uint16_t>(FlagsOf(next_.index)).value_or(0);
  const bool available = (flags & kDescriptorAvailable) != 0;
  const bool used = (flags & kDescriptorUsed) != 0;
  return available == next_.wrap && used != next_.wrap;
}

std::optional<QueueFault> PackedRing::Take(Chain& chain) {
  if (const auto fault = Walk(chain)) return fault;
  if (in_flight_ + chain.slots > queue_.size()) return QueueFault::kTooManyInFlight;
  in_flight_ += chain.slots;
  next_.Advance(chain.slots, queue_.size());
  return std::nullopt;
}

std::optional<QueueFault> PackedRing::Walk(Chain& chain) const {
  ChainBuilder builder(queue_, chain);
  chain.slots = 0;
  for (Position at = next_;; at.Advance(1, queue_.size())) {
    const auto one = ReadDescriptor(*ram_, queue_.descriptors(), at.index);
    if (!one) return QueueFault::kRingOutsideRam;
    const uint16_t flags = one->second;
    ++chain.slots;
    chain.id = one->first;  // the last one's counts
    if ((flags & kDescriptorIndirect) != 0) {
      if (chain.slots != 1 || (flags & kDescriptorNext) != 0) return QueueFault::kBadIndirect;
      return WalkTable(one->address, one->size, chain);
    }
    if (const auto fault = builder.Add(one->address, one->size, (flags & kDescriptorWrite) != 0)) {
      return fault;
    }
    if ((flags & kDescriptorNext) == 0) return std::nullopt;
  }
}

// From front to back; only the direction of each counts (2.8.8).
std::optional<QueueFault> PackedRing::WalkTable(uint64_t table, uint32_t bytes,
                                                Chain& chain) const {
  if (!IsIndirectTable(queue_, *ram_, table, bytes)) return QueueFault::kBadIndirect;
  ChainBuilder builder(queue_, chain);
  for (uint64_t index = 0; index < bytes / kDescriptorBytes; ++index) {
    const auto one = ReadDescriptor(*ram_, table, index);
    if (!one || (one->second & kDescriptorIndirect) != 0) return QueueFault::kBadIndirect;
    const bool writable = (one->second & kDescriptorWrite) != 0;
    if (const auto fault = builder.Add(one->address, one->size, writable)) return fault;
  }
  return std::nullopt;
}

void PackedRing::Put(const Chain& chain, uint32_t written) {
  const uint64_t entry = queue_.descriptors() + kDescriptorBytes * used_.index;
  ram_->Store<uint32_t>(entry + 8, written);
  ram_->Store<uint16_t>(entry + 12, chain.id);
  auto flags = static_cast<uint16_t>(written != 0 ? kDescriptorWrite : 0);
  if (used_.wrap) flags |= kDescriptorAvailable | kDescriptorUsed;
  if (held_) {
    ram_->Store<uint16_t>(FlagsOf(used_.index), flags);
  } else {
    held_ = Flags{FlagsOf(used_.index), flags};
  }
  used_.Advance(chain.slots, queue_.size());
  in_flight_ -= chain.slots;
  given_ += chain.slots;
}

bool PackedRing::Publish() {
  if (!held_) return false;
  ram_->Store<uint16_t>(held_->address, held_->value);
  held_.reset();
  const unsigned given = std::exchange(given_, 0);
  const bool first = !std::exchange(judged_, true);
  GuestRam::Fence();
  const uint16_t flags = ram_->Load<uint16_t>(queue_.driver() + kEventFlags).value_or(0) & kMask;
  if (flags == kDisable) return false;
  if (flags != kAtDescriptor || !queue_.features().event_idx || first) return true;
  const uint16_t place = ram_->Load<uint16_t>(queue_.driver()).value_or(0);
  auto event = static_cast<uint16_t>(place & (kWrap - 1));
  if (((place & kWrap) != 0) != used_.wrap) event = static_cast<uint16_t>(event - queue_.size());
  return static_cast<uint16_t>(used_.index - event - 1) < given;
}

void PackedRing::Arm() {
  if (queue_.features().event_idx) {
    const auto place = static_cast<uint16_t>(next_.index | (next_.wrap ? kWrap : 0));
    ram_->Store<uint16_t>(queue_.device(), place);
    ram_->Store<uint16_t>(queue_.device() + kEventFlags, kAtDescriptor);
  } else {
    ram_->Store<uint16_t>(queue_.device() + kEventFlags, kEnable);
  }
}

void PackedRing::Disarm() { ram_->Store<uint16_t>(queue_.device() + kEventFlags, kDisable); }

}  // namespace vmm::virtio
