// A tree for commands that change something: attributes behind a device's lock are read within a
// deadline, so that a device whose driver is stuck ends the command instead of hanging it.
//
// What sysfs/guarded.h does for reports, which go on without the answer, this does where the answer
// decides what is written. A child process reads, one for all until its answer does not come in
// time. It ends by itself, when it is no longer needed or when the lock is free, and is never sent
// a signal: who is confined may not send one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sysfs/writing_tree.h"

namespace sysfs {

// Not thread safe: made for a program of one thread (fork).
class GuardedTree final : public WritingTree {
 public:
  // Told once a second, in words, what a read that takes long is waiting for; "" at the end of it.
  using Observer = std::function<void(const std::string& text)>;

  // The tree below is that of the running host, or in memory and as it is at the first such read.
  GuardedTree(std::unique_ptr<Tree> below, std::chrono::milliseconds patience);
  GuardedTree(const GuardedTree&) = delete;
  GuardedTree& operator=(const GuardedTree&) = delete;
  ~GuardedTree() override;

  // kTimedOut when the lock was not free in time, and at once for a device whose last reader still
  // waits. The message says who has it, as far as that can be seen.
  base::Result<std::string> Read(const std::string& path) const override;
  base::Status Write(const std::string& path, std::string_view value) override;

  void Observe(Observer observer) { observer_ = std::move(observer); }
  // Ends the child; until Resume all reads go straight to the tree below. For the time in which no
  // process may be started, because threads or a machine's memory are there.
  void Pause();
  void Resume() { is_paused_ = false; }

 private:
  class Child;

  base::Result<std::string> Ask(const std::string& path) const;
  base::Failure Locked(const std::string& path) const;
  bool IsStuck(const std::string& device) const;

  std::unique_ptr<Tree> owned_;
  std::chrono::milliseconds patience_;
  Observer observer_;
  bool is_paused_ = false;
  mutable std::unique_ptr<Child> child_;
  mutable std::map<std::string, pid_t> stuck_;  // by the device's path: children left behind
};

}  // namespace sysfs
