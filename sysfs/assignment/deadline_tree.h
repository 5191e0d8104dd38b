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
#include "sysfs/tree.h"

namespace sysfs {

// `pid` writes, and has done so for so long.
using WriteObserver = std::function<void(int pid, std::chrono::milliseconds waited)>;

// Reads go straight to the tree below. Not thread safe: made for a program of one thread (fork).
// The referenced objects outlive it.
class DeadlineTree final : public Tree {
 public:
  // `locks` are inherited by the writers, every other descriptor is closed there. The writer leaves
  // "PID PATH" in them, for the message of who meets the lock. `observer` is called once a second
  // while a write is under way.
  DeadlineTree(Tree& below, std::chrono::milliseconds deadline, std::span<const FileLock> locks,
               WriteObserver observer = {})
      : below_(below), deadline_(deadline), locks_(locks), observer_(std::move(observer)) {}

  base::Result<std::string> Read(const std::string& path) const override {
    return below_.Read(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                 size_t limit) const override {
    return below_.ReadBytes(path, limit);
  }
  base::Result<std::string> ReadLink(const std::string& path) const override {
    return below_.ReadLink(path);
  }
  base::Result<std::vector<std::string>> List(const std::string& path) const override {
    return below_.List(path);
  }
  bool Exists(const std::string& path) const override { return below_.Exists(path); }
  // kTimedOut when the write is still under way at the deadline; it goes on in the child.
  base::Status Write(const std::string& path, std::string_view value) override;

 private:
  Tree& below_;
  std::chrono::milliseconds deadline_;
  std::span<const FileLock> locks_;
  WriteObserver observer_;
};

// "pid 1234 waits in vfio_unregister_group_dev": where a process is in the kernel, as far as we may
// know it.
std::string DescribeWait(int pid);

}  // namespace sysfs
