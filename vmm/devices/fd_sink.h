// Bytes of the guest to a descriptor, in the calling vCPU's thread, never for ever.
//
// A descriptor that takes nothing for longer than `patience` makes the sink drop bytes (counted and
// logged) until it takes some again; without a limit the guest waits as a process would on a full
// pipe. A machine that stops ends the wait in any case: its kicks (Thread::Kick) interrupt it, and
// after half a second of them the rest is dropped.
//
// Thread safe; bytes of two calls at once may mix.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sysfs/base/fd.h"

namespace vmm {

class FdSink {
 public:
  static constexpr std::chrono::milliseconds kConsolePatience{1000};

  // `patience` is nothing for no limit. The process ignores SIGPIPE (vmm/signals.h).
  FdSink(base::Fd fd, std::string name, std::optional<std::chrono::milliseconds> patience)
      : fd_(std::move(fd)), name_(std::move(name)), patience_(patience) {}

  void Write(std::span<const uint8_t> bytes);
  const std::string& name() const { return name_; }
  // What it writes to, for somebody else to write to as well.
  base::Result<base::Fd> Output() const { return fd_.Duplicate(); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  bool WaitWritable(int& interruptions) const;
  void Drop(size_t count);

  base::Fd fd_;
  std::string name_;
  std::optional<std::chrono::milliseconds> patience_;
  std::atomic<bool> stalled_{false};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace vmm
