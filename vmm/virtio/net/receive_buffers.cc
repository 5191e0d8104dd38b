#include "vmm/virtio/net/receive_buffers.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vmm::virtio {

Laid ReceiveBuffers::Put(Worker& worker, const Chain& chain, const NetFrame& frame, bool merges) {
  const uint64_t room = TotalSize(chain.writable);
  const uint64_t header = filled_.empty() ? sizeof(NetHeader) : 0;
  const auto rest = frame.bytes.subspan(laid_);
  const auto part = rest.first(std::min<uint64_t>(rest.size(), room > header ? room - header : 0));
  const bool fits = room >= header && CopyTo(worker.ram(), chain.writable, header, part);
  laid_ += part.size();
  const bool whole = laid_ == frame.bytes.size();
  filled_.push_back({chain, static_cast<uint32_t>(header + part.size())});
  if (!fits) return End(worker, false);
  if (!whole) {
    // When it has all buffers there are, there will be no other one.
    const bool goes_on = merges && filled_.size() < worker.queue_size();
    return goes_on ? Laid::kMore : End(worker, false);
  }
  NetHeader first = frame.header;
  first.buffers = static_cast<uint16_t>(filled_.size());
  std::array<std::byte, sizeof first> bytes;
  std::memcpy(bytes.data(), &first, bytes.size());
  return End(worker, CopyTo(worker.ram(), filled_.front().chain.writable, 0, bytes));
}

void ReceiveBuffers::GiveBack(Worker& worker) { End(worker, false); }

Laid ReceiveBuffers::End(Worker& worker, bool fits) {
  for (const Filled& one : filled_) worker.Finish(one.chain, fits ? one.written : 0);
  filled_.clear();
  laid_ = 0;
  return fits ? Laid::kWhole : Laid::kUnfit;
}

}  // namespace vmm::virtio
