// The thread on which emulated devices do their work: one event loop for all of them, confined to
// what they need.
//
// Threads: Create and the end on one thread; Post of loop() from any.
#pragma once

#include <memory>

#include "sysfs/base/result.h"
#include "vmm/event_loop.h"
#include "vmm/thread.h"

namespace vmm::virtio {

class IoThread {
 public:
  static base::Result<std::unique_ptr<IoThread>> Create();
  class Key;
  IoThread(Key key, std::unique_ptr<EventLoop> loop);  // for Create alone
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  // After what was posted.
  ~IoThread();

  // Returns when what was posted before has run and is gone. From another thread.
  void Settle();
  // Outlives everything that is registered with it.
  EventLoop& loop() { return *loop_; }

 private:
  std::unique_ptr<EventLoop> loop_;
  Thread thread_;
};

}  // namespace vmm::virtio
