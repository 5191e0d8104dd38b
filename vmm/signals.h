// Signals as events: they are blocked for the whole process and read from a descriptor.
//
// Create comes before any thread starts, because threads inherit the mask. SIGPIPE is ignored from
// then on: a closed output is an error of the write and must not end a machine that holds devices.
#pragma once

#include <csignal>
#include <optional>
#include <span>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace vmm {

// Move-only; gives the mask back on destruction. For a child process, restore_mask() is what to
// start it with.
class SignalSource {
 public:
  static base::Result<SignalSource> Create(std::span<const int> numbers);
  SignalSource(SignalSource&& other) noexcept = default;
  SignalSource& operator=(SignalSource&& other) = delete;
  SignalSource(const SignalSource&) = delete;
  SignalSource& operator=(const SignalSource&) = delete;
  ~SignalSource();

  const base::Fd& fd() const { return fd_; }
  // The next signal; nothing when none waits.
  std::optional<int> Take() const;
  // Whether one waits.
  bool pending() const;
  const sigset_t& restore_mask() const { return previous_; }

 private:
  SignalSource(base::Fd fd, const sigset_t& previous) : fd_(std::move(fd)), previous_(previous) {}
  base::Fd fd_;
  sigset_t previous_;
};

}  // namespace vmm
