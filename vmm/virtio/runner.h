// What works off one queue of a device, from its start to its end: a Worker of ours, or the host's
// kernel (vhost).
//
// Everything on the I/O thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/virtio/queue/active_queue.h"

namespace vmm {
class EventLoop;
}

namespace vmm::virtio {

// Of a device, over all of its lives. Read from any thread.
struct DeviceCounters {
  std::atomic<uint64_t> traps{0};    // accesses to its BAR that left the guest
  std::atomic<uint64_t> kicks{0};    // events that came
  std::atomic<uint64_t> batches{0};  // turns that found something
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> interrupts{0};  // sent
  std::atomic<uint64_t> suppressed{0};  // results for which the guest wanted none

  static void Count(std::atomic<uint64_t>& one) { one.fetch_add(1, std::memory_order_relaxed); }
};

// How it reaches the guest. Called on the I/O thread.
struct RunnerWiring {
  std::function<void(uint16_t queue)> interrupt;
  std::function<void(uint16_t queue, QueueFault fault)> broken;
  DeviceCounters* counters = nullptr;
  // The event of the queue's vector, for somebody else to signal; nothing while the guest wants no
  // message for it.
  std::function<std::optional<base::Fd>(uint16_t queue)> event;
};

class Runner {
 public:
  Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  virtual ~Runner() = default;

  virtual uint16_t index() const = 0;
  // Takes kicks from now on. What came before is found, whether it was kicked for or not.
  virtual base::Status Start(EventLoop& loop) = 0;
  // Takes no more requests and touches no ring; calls `done` when none is in progress, at once or
  // later, or when it goes on before that. Results wait for Resume.
  virtual void Pause(std::function<void()> done) = 0;
  virtual void Resume() = 0;
  // A pause without a Resume.
  virtual void End(std::function<void()> done) = 0;
  // RunnerWiring::event gives something else than before.
  virtual void Rewire() {}
};

}  // namespace vmm::virtio
