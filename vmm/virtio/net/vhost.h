// A queue pair of a network device worked off by the host's kernel (vhost-net; include/uapi/linux/
// vhost.h, drivers/vhost/net.c).
//
// The kernel reads and writes the rings by our addresses and checks only that they are some of
// ours: what is given to it is therefore an ActiveQueue, whose areas lie in RAM. The order of calls
// is fixed: owner, features, memory, then for each ring its size, base, addresses and events, last
// the tap. The guest's kicks go straight to the kernel, and so do its interrupts
// with MSI-X; by its pin they take the way through an event of ours.
//
// Create on any thread of the process whose memory is used; the rest on the I/O thread.
#pragma once

#include <memory>
#include <optional>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/guest_ram.h"
#include "vmm/virtio/runner.h"

namespace vmm::virtio {

class Vhost {
 public:
  // kNotFound without /dev/vhost-net, kDenied without permission, kUnsupported when it lacks what a
  // driver was promised.
  static base::Result<std::unique_ptr<Vhost>> Create(base::Kernel& kernel);
  class Key;
  Vhost(Key key, base::Kernel& kernel, base::Fd fd, uint64_t features);  // for Create alone

  bool merges() const;  // a frame over several buffers
  // The driver has started with these features.
  base::Status Begin(uint64_t features, const GuestRam& ram);

  struct RingEvents {
    const base::EventFd& kick;
    const base::Fd& call;
    const base::EventFd& error;
  };
  // Ring 0 receives, 1 transmits. `base` is the available index to go on with.
  base::Status StartRing(unsigned ring, const ActiveQueue& queue, const GuestRam& ram,
                         uint16_t base, const RingEvents& events, const base::Fd& tap);
  base::Status SetCall(unsigned ring, const base::Fd& call);
  // Nothing of the guest's is in progress afterwards; gives the next base.
  base::Result<uint16_t> StopRing(unsigned ring);

 private:
  base::Status Call(unsigned long request, void* argument, std::string_view name) const;
  base::Status SetMemory(const GuestRam& ram) const;

  base::Kernel* kernel_;
  const base::Fd fd_;
  const uint64_t features_;  // the kernel's
};

// One ring of it, from the guest's start of the queue to its end.
class VhostRing final : public Runner {
 public:
  // All outlive it.
  static base::Result<std::unique_ptr<VhostRing>> Create(
      Vhost& vhost, uint16_t index, const ActiveQueue& queue, const GuestRam& ram,
      const base::EventFd& kick, const base::Fd& tap, const RunnerWiring& wiring);
  class Key;
  VhostRing(Key key, Vhost& vhost, uint16_t index, const ActiveQueue& queue, const GuestRam& ram,
            const base::EventFd& kick, const base::Fd& tap, const RunnerWiring& wiring,
            base::EventFd call, base::EventFd error);
  ~VhostRing() override { Halt(); }

  uint16_t index() const override { return index_; }
  base::Status Start(EventLoop& loop) override;
  void Pause(std::function<void()> done) override;
  void Resume() override;
  void End(std::function<void()> done) override;
  void Rewire() override;

 private:
  const base::Fd& Call();
  base::Status Run();
  void Halt();
  void OnCall();
  void OnError();

  Vhost* vhost_;
  const uint16_t index_;
  const ActiveQueue queue_;
  const GuestRam* ram_;
  const base::EventFd* kick_;
  const base::Fd* tap_;
  const RunnerWiring* wiring_;
  const base::EventFd call_;
  const base::EventFd error_;
  std::optional<base::Fd> vector_;  // the event of the guest's vector, in place of call_
  uint16_t base_ = 0;
  bool started_ = false;
  bool paused_ = false;
  bool ending_ = false;
  bool running_ = false;  // in the kernel
  bool broken_ = false;
  Watch call_watch_;
  Watch error_watch_;
};

}  // namespace vmm::virtio
