// Writes that cannot hang the program.
//
// A write to `unbind` runs the driver's remove function and cannot be cancelled: VFIO waits for its
// user, others for ever (drivers/base/bus.c). So each write is made by a child process, the parent
// waits on its pidfd until the deadline and stays able to say what is going on. The child keeps the
// locks of the devices: who comes later finds them busy for exactly as long as the kernel is.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>

#include "sysfs/assignment/host_lock.h"
#include "sysfs/writing_tree.h"

namespace sysfs {

// `pid` writes, and has done so for so long.
using WriteObserver = std::function<void(int pid, std::chrono::milliseconds waited)>;

// Tells "0000:08:00.0: waiting for pid 7 (x) to let it go: pid 1234 waits in ..., 3 of 10 s".
// `users` names who has the device, if somebody has; it may be empty, and so may `tell`.
WriteObserver TellWaits(std::function<void(const std::string& text)> tell, std::string name,
                        std::chrono::milliseconds deadline,
                        std::function<std::string()> users = {});

// Not thread safe: made for a program of one thread (fork).
// The referenced objects outlive it.
class DeadlineTree final : public WritingTree {
 public:
  // `locks` are inherited by the writers, every other descriptor is closed there. The writer leaves
  // "PID PATH" in them, for the message of who meets the lock. `observer` is called once a second
  // while a write is under way.
  DeadlineTree(Tree& below, std::chrono::milliseconds deadline, std::span<const FileLock> locks,
               WriteObserver observer = {})
      : WritingTree(below), deadline_(deadline), locks_(locks), observer_(std::move(observer)) {}

  // kTimedOut when the write is still under way at the deadline; it goes on in the child.
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  std::chrono::milliseconds deadline_;
  std::span<const FileLock> locks_;
  WriteObserver observer_;
};

}  // namespace sysfs
