#include "vmm/virtio/queue/descriptor.h"

#include <array>
#include <cstring>

namespace vmm::virtio {

std::optional<Descriptor> ReadDescriptor(const GuestRam& ram, uint64_t table, uint64_t index) {
  std::array<std::byte, kDescriptorBytes> bytes;
  if (!ram.Read(table + kDescriptorBytes * index, bytes)) return std::nullopt;
  static_assert(sizeof(Descriptor) == kDescriptorBytes);
  Descriptor descriptor;
  std::memcpy(&descriptor, bytes.data(), bytes.size());
  return descriptor;
}

std::optional<QueueFault> ChainBuilder::Add(uint64_t address, uint32_t size, bool writable) {
  if (++count_ > queue_->size()) return QueueFault::kLongChain;
  if (size == 0) return std::nullopt;
  if (!writable && !chain_->writable.empty()) return QueueFault::kReadAfterWrite;
  (writable ? chain_->writable : chain_->readable).push_back({address, size});
  return std::nullopt;
}

bool IsIndirectTable(const ActiveQueue& queue, const GuestRam& ram, uint64_t address,
                     uint32_t size) {
  return queue.features().indirect && size != 0 && size % kDescriptorBytes == 0 &&
         ram.Contains(address, size);
}

}  // namespace vmm::virtio
