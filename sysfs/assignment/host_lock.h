// One writer at a time: flock(2) on files below /run/vassign.
//
// The host lock is held for a whole command. A device's lock is held as long as somebody writes to
// the device, and is inherited by the process that makes the write: a write that outlives its
// program keeps it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace sysfs {

// Move-only; gives the lock back on destruction, unless a child still has it.
class FileLock {
 public:
  // Makes the file when it is missing, for root alone: whoever may open it could hold the lock.
  // Waits for `patience` and then fails with `code` and the note of the one that holds it.
  static base::Result<FileLock> Take(const std::string& path, std::chrono::milliseconds patience,
                                     base::Code code);
  // Who holds it and why, beginning with a pid: one line for those who wait.
  base::Status Note(std::string_view text) const;
  const base::Fd& fd() const { return fd_; }

 private:
  explicit FileLock(base::Fd fd) : fd_(std::move(fd)) {}
  base::Fd fd_;
};

// <folder>/lock; kLocked names the pid and command of the run that holds it.
base::Result<FileLock> TakeHostLock(const std::string& folder, std::chrono::milliseconds patience);

}  // namespace sysfs
