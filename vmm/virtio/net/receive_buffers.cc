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
  bool fits = room >= header && CopyTo(worker.ram(), chain.writable, header, part);
  laid_ += part.size();
  const bool whole = laid_ == frame.bytes.size();
  const auto written = static_cast<uint32_t>(header + part.size());
  // When it has all buffers there are, there will be no other one.
  if (fits && !whole && merges && filled_.size() + 1 < worker.queue_size()) {
    filled_.push_back({chain, written});
    return Laid::kMore;
  }
  if (fits && whole) {
    NetHeader first = frame.header;
    first.buffers = static_cast<uint16_t>(filled_.size() + 1);
    std::array<std::byte, sizeof first> bytes;
    std::memcpy(bytes.data(), &first, bytes.size());
    const Chain& front = filled_.empty() ? chain : filled_.front().chain;
    fits = CopyTo(worker.ram(), front.writable, 0, bytes);
  }
  fits = fits && whole;
  for (const Filled& one : filled_) worker.Finish(one.chain, fits ? one.written : 0);
  worker.Finish(chain, fits ? written : 0);
  filled_.clear();
  laid_ = 0;
  return fits ? Laid::kWhole : Laid::kUnfit;
}

void ReceiveBuffers::GiveBack(Worker& worker) {
  for (const Filled& one : filled_) worker.Finish(one.chain, 0);
  filled_.clear();
  laid_ = 0;
}

}  // namespace vmm::virtio
