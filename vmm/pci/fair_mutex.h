// A mutex that serves its waiters in the order of their coming.
//
// A guest decides how often and for how long a processor's thread holds the lock of the bus: a
// function-level reset takes 100 ms within one register write. With std::mutex such a thread, in a
// loop, would have it again before the monitor's thread has woken up, and the monitor would starve.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace vmm::pci {

// BasicLockable, for std::lock_guard. Not recursive.
class FairMutex {
 public:
  void lock() {
    std::unique_lock guard(mutex_);
    const uint64_t ticket = next_++;
    turn_.wait(guard, [&] { return ticket == serving_; });
  }
  void unlock() {
    {
      const std::lock_guard guard(mutex_);
      ++serving_;
    }
    turn_.notify_all();
  }
  // Threads that wait for it now.
  uint64_t waiters() {
    const std::lock_guard guard(mutex_);
    return next_ > serving_ ? next_ - serving_ - 1 : 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  uint64_t next_ = 0;
  uint64_t serving_ = 0;
};

}  // namespace vmm::pci
