#include "vmm/devices/fd_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "sysfs/base/log.h"

namespace vmm {

FdSink::Wait FdSink::WaitWritable() const {
  // A stalled descriptor is only looked at: waiting again for each byte would stop the guest.
  const int limit = patience_ ? static_cast<int>(patience_->count()) : -1;
  pollfd poll{fd_.raw(), POLLOUT, 0};
  return ::poll(&poll, 1, stalled_ ? 0 : limit) > 0 ? Wait::kReady : Wait::kGiveUp;
}

void FdSink::Write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if (WaitWritable() == Wait::kGiveUp) return Drop(bytes.size());
    const ssize_t count = ::write(fd_.raw(), bytes.data(), bytes.size());
    if (count < 0) return Drop(bytes.size());
    stalled_ = false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void FdSink::Drop(size_t count) {
  dropped_.fetch_add(count, std::memory_order_relaxed);
  if (!std::exchange(stalled_, true)) {
    base::Log(base::Level::kWarning,
              "{}: takes no output; the guest's bytes are dropped until it does", name_);
  }
}

}  // namespace vmm
