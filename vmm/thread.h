// An owned thread of execution whose start can fail without an exception, and which a signal can
// bring out of a system call.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "sysfs/base/result.h"

namespace vmm {

// Move-only; joins on destruction. One thread at a time calls its functions.
class Thread {
 public:
  Thread() = default;
  // `name` is what ps shows, cut to 15 bytes. The new thread has the caller's signal mask.
  static base::Result<Thread> Start(const std::string& name, std::function<void()> body);
  Thread(Thread&& other) noexcept = default;
  Thread& operator=(Thread&& other) noexcept;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { Join(); }

  bool joinable() const { return shared_ != nullptr; }
  // Interrupts the system call that the thread is in, if any (EINTR), by a real-time signal that
  // does nothing else.
  void Kick() const;
  // Whether the body has returned by then.
  bool WaitUntil(std::chrono::steady_clock::time_point deadline) const;
  void Join();
  // Of a body that may hang in the kernel for good: it goes on by itself, with what it owns. The
  // process ends without it.
  void Abandon();

 private:
  struct Shared {
    std::string name;
    std::function<void()> body;
    std::mutex mutex;
    std::condition_variable ended_change;
    bool ended = false;
  };
  static void* Main(void* argument);

  pthread_t handle_{};
  std::shared_ptr<Shared> shared_;
};

}  // namespace vmm
