// Works off one queue of a device on the I/O thread, from kick to interrupt.
//
// A kick is an event; each takes at most as many requests as the queue has entries, then others
// have their turn. The guest is asked to kick only when there is nothing left to do (virtio 1.2,
// 2.7.10), and one look more is taken after that. Results are shown, and the guest interrupted,
// once for all that was finished together.
//
// Everything on the I/O thread, but Signal of the kick event.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "sysfs/base/fd.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/queue/queue.h"

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

// How a worker reaches the guest. Called on the I/O thread.
struct WorkerWiring {
  std::function<void(uint16_t queue)> interrupt;
  std::function<void(uint16_t queue, QueueFault fault)> broken;
  DeviceCounters* counters = nullptr;
};

class Worker {
 public:
  // All of them outlive it. `kick` stays what it is from one life of the queue to the next.
  Worker(uint16_t index, const ActiveQueue& queue, const GuestRam& ram, Device& device,
         const base::EventFd& kick, const WorkerWiring& wiring);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() = default;

  uint16_t index() const { return index_; }
  const GuestRam& ram() const { return *ram_; }

  // Takes kicks from now on. What came before is found, whether it was kicked for or not.
  base::Status Start(EventLoop& loop);
  // Once for each request of Handle; the chain is the one that came, or a copy. The guest sees it
  // with Show.
  void Finish(const Chain& chain, uint32_t written);
  // After the last of several Finish outside of Handle.
  void Show();

  // Takes no more requests and writes to no ring; calls `done` when the device has none of them, at
  // once or later, or when it goes on before that. Results wait for Resume.
  void Pause(std::function<void()> done);
  void Resume();
  // A pause without a Resume: `done` is called when the device has nothing of this queue any more.
  void End(std::function<void()> done);

 private:
  void OnKick();
  void Run();
  bool TakeSome();

  const uint16_t index_;
  const GuestRam* ram_;
  Device* device_;
  const base::EventFd* kick_;
  const WorkerWiring* wiring_;
  Queue queue_;
  Chain chain_;
  unsigned with_device_ = 0;  // requests that are not finished
  bool paused_ = false;
  bool ending_ = false;
  bool reported_ = false;  // that the queue is broken
  bool unseen_ = false;    // results since Show
  bool worked_ = false;    // in this turn
  std::function<void()> idle_;
  struct Result {
    Chain chain;
    uint32_t written;
  };
  std::vector<Result> held_;  // finished while paused
  Watch watch_;
};

}  // namespace vmm::virtio
