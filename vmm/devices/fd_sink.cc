#include "vmm/devices/fd_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "sysfs/base/log.h"

namespace vmm {
namespace {

constexpr int kInterruptions = 50;  // a kick comes every 10 ms

}  // namespace

bool FdSink::WaitWritable(int& interruptions) const {
  // A stalled descriptor is only looked at: waiting again for each byte would stop the guest.
  const int limit = patience_ ? static_cast<int>(patience_->count()) : -1;
  pollfd poll{fd_.raw(), POLLOUT, 0};
  while (true) {
    const int ready = ::poll(&poll, 1, stalled_.load(std::memory_order_relaxed) ? 0 : limit);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR || ++interruptions >= kInterruptions) return false;
  }
}

void FdSink::Write(std::span<const uint8_t> bytes) {
  int interruptions = 0;
  while (!bytes.empty()) {
    if (!WaitWritable(interruptions)) return Drop(bytes.size());
    const ssize_t count = ::write(fd_.raw(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR && ++interruptions < kInterruptions) continue;
    if (count < 0) return Drop(bytes.size());
    stalled_.store(false, std::memory_order_relaxed);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void FdSink::Drop(size_t count) {
  dropped_.fetch_add(count, std::memory_order_relaxed);
  if (!stalled_.exchange(true, std::memory_order_relaxed)) {
    base::Log(base::Level::kWarning,
              "{}: takes no output; the guest's bytes are dropped until it does", name_);
  }
}

}  // namespace vmm
