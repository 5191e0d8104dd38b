#include "vmm/virtio/console/output_ring.h"

#include <algorithm>

namespace vmm::virtio {

void OutputRing::Push(std::span<const std::byte> bytes) {
  bytes_.resize(kRoom);
  if (bytes.size() > kRoom) {
    dropped_ += bytes.size() - kRoom;
    bytes = bytes.last(kRoom);
  }
  if (const size_t room = kRoom - size_; room < bytes.size()) {
    dropped_ += bytes.size() - room;
    Pop(bytes.size() - room);
  }
  for (const std::byte byte : bytes) bytes_[(first_ + size_++) % kRoom] = byte;
}

std::span<const std::byte> OutputRing::Front() const {
  return std::span(bytes_).subspan(first_, std::min(size_, bytes_.size() - first_));
}

void OutputRing::Pop(size_t count) {
  size_ -= count;
  first_ = (first_ + count) % kRoom;
}

}  // namespace vmm::virtio
