// Works off one queue of a device on the I/O thread, from kick to interrupt.
//
// A kick is an event; each takes at most as many requests as the queue has entries, then others
// have their turn. After work, whoever shares this thread's processor may run first: often that is
// the guest, and what it adds then needs no kick. The guest is asked to kick only when there is
// nothing left to do (virtio 1.2, 2.7.10), and one look more is taken after that: what has come
// meanwhile belongs to the same kick. Results are shown, and the guest interrupted, once for all
// that was finished together.
//
// Everything on the I/O thread, but Signal of the kick event.
#pragma once

#include <functional>
#include <vector>

#include "sysfs/base/fd.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/queue/queue.h"
#include "vmm/virtio/runner.h"

namespace vmm::virtio {

class Worker final : public Runner {
 public:
  // All of them outlive it. `kick` stays what it is from one life of the queue to the next.
  Worker(uint16_t index, const ActiveQueue& queue, const GuestRam& ram, Device& device,
         const base::EventFd& kick, const RunnerWiring& wiring);

  uint16_t index() const override { return index_; }
  uint16_t queue_size() const { return queue_.size(); }
  const GuestRam& ram() const { return *ram_; }
  bool paused() const { return paused_; }

  base::Status Start(EventLoop& loop) override;
  // The device wants requests again. Not from inside of Handle and Wants.
  void Go() { Run(); }
  // Once for each request of Handle; the chain is the one that came, or a copy. The guest sees it
  // with Show.
  void Finish(const Chain& chain, uint32_t written);
  // After the last of several Finish outside of Handle.
  void Show();

  void Pause(std::function<void()> done) override;
  void Resume() override;
  // `done` is called when the device has nothing of this queue any more.
  void End(std::function<void()> done) override;

 private:
  void OnKick();
  void Run();
  enum class Turn : uint8_t { kEmpty, kUnwanted, kOver };
  // At most so many, which it counts down.
  Turn TakeSome(unsigned& left);

  const uint16_t index_;
  const GuestRam* ram_;
  Device* device_;
  const base::EventFd* kick_;
  const RunnerWiring* wiring_;
  EventLoop* loop_ = nullptr;
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
