// virtio-net over ports of the host (virtio 1.2, 5.1), or with its queues given to the host's
// kernel.
//
// No request of a guest is held, but for buffers of a frame that is not in whole: a frame that
// cannot go yet is kept by its port, and the next one stays in the ring until it has gone. A frame
// for the guest waits in its port's own memory until there is a buffer for it, and nothing more is
// read from the host meanwhile: what comes too much is lost where a network card would lose it. A
// frame that does not fit into the guest's buffer, or into all of its buffers when it merges them,
// is lost, the buffers given back empty.
//
// Under a rate limit the guest's frames stay in their ring, and nothing is read from the host: what
// comes too much is lost as above.
//
// One that stands by for an assigned device can be taken off the wire and put back, and then tells
// the host's side where its address is now.
//
// On the I/O thread, but the model.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/log.h"
#include "vmm/event_loop.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/net/control.h"
#include "vmm/virtio/net/port.h"
#include "vmm/virtio/net/receive_buffers.h"
#include "vmm/virtio/net/vhost.h"
#include "vmm/virtio/rate_limit.h"
#include "vmm/virtio/worker.h"

namespace vmm::virtio {

struct NetCounters {
  uint64_t sent = 0;      // frames of the guest
  uint64_t received = 0;  // frames for it
  uint64_t send_drops = 0;
  uint64_t receive_drops = 0;
};

class Macvtap;
class TapPort;

class Net final : public Device {
 public:
  // Opens what the options name. Errors as OpenTap, StreamPort and Vhost have them.
  static base::Result<std::unique_ptr<Net>> Create(base::Kernel& kernel, const NetOptions& options);
  // Over an interface that is made already and has the guest's address.
  static base::Result<std::unique_ptr<Net>> CreateMacvtap(base::Kernel& kernel,
                                                          const NetOptions& options,
                                                          const Macvtap& macvtap);
  // One port for each pair of the shape.
  // `rate` as in NetOptions.
  Net(std::string name, const NetShape& shape, std::vector<std::unique_ptr<NetPort>> ports,
      uint64_t rate = 0);
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;
  ~Net() override;

  // Told when a driver has set the device up: whether it knows of standby.
  void OnDriver(std::function<void(bool knows)> handler) { driver_came_ = std::move(handler); }
  // Down: the guest sees no link, the host's side no carrier, and nothing is read from the host.
  void SetLink(bool up);
  // Three frames of the guest's address to everybody (RARP, as a switch expects it after a move),
  // while a driver is there.
  void Announce();

  const NetCounters& counters() const { return counters_; }
  const NetState& state() const { return state_; }

  const DeviceModel& model() const override { return model_; }
  void Attach(ChangeConfig change) override { change_config_ = std::move(change); }
  base::Status Start(uint64_t features, EventLoop& loop) override;
  std::unique_ptr<Runner> MakeRunner(uint16_t queue, const ActiveQueue& ring, const GuestRam& ram,
                                     const base::EventFd& kick,
                                     const RunnerWiring& wiring) override;
  void OnQueueStart(Worker& worker) override;
  void OnQueueEnd(uint16_t queue) override;
  bool Wants(Worker& worker) override;
  void Handle(Worker& worker, const Chain& chain) override;
  void Submit() override;
  void LetGo(uint16_t queue) override;
  void Stop() override;

 private:
  // What vhost does for a pair.
  struct Offloaded {
    std::unique_ptr<Vhost> vhost;
    const base::Fd* tap = nullptr;
    bool begun = false;
  };
  struct Pair {
    std::unique_ptr<NetPort> port;
    std::optional<Offloaded> offloaded;
    Worker* receive = nullptr;
    Worker* transmit = nullptr;
    std::optional<NetFrame> waiting;  // for a buffer
    ReceiveBuffers buffers;           // that have a part of it
    bool kept = false;                // the port has a frame that is to go
    bool held = false;                // nothing is read: the rate
    std::optional<Watch> readable;
    std::optional<Watch> writable;
  };
  static base::Result<std::unique_ptr<Net>> CreateTap(base::Kernel& kernel,
                                                      const NetOptions& options,
                                                      const TapLink& link, NetShape shape);
  Pair* Find(uint16_t queue);
  bool Fetch(Pair& pair);
  void Transmit(Pair& pair, Worker& worker, const Chain& chain);
  void Receive(Pair& pair, Worker& worker, const Chain& chain);
  void HandleControl(Worker& worker, const Chain& chain);
  void Apply(const NetState& before);
  void OnReadable(Pair& pair);
  void OnWritable(Pair& pair);
  void OnLink(Pair& pair);
  void TellLink();
  void SendAnnouncement();
  void Wait(Pair& pair);
  void GoOn();
  bool IsActive(const Pair& pair) const;
  void Complain(const base::Status& status);

  const std::string name_;
  const NetShape shape_;
  const DeviceModel model_;
  uint16_t control_;  // its queue
  ChangeConfig change_config_;
  std::vector<Pair> pairs_;
  size_t first_ = 0;           // that goes on after a rate limit
  EventLoop* loop_ = nullptr;  // while it is started
  NetState state_;
  std::function<void(bool knows)> driver_came_;
  bool on_wire_ = true;              // SetLink
  unsigned announcements_ = 0;       // to be sent
  std::unique_ptr<Timer> announce_;  // while it is started
  RateLimiter from_guest_;
  RateLimiter to_guest_;
  NetCounters counters_;
  std::vector<iovec> iovecs_;
  base::Limited log_;
};

}  // namespace vmm::virtio
