// A kind of virtio device, without the transport that shows it to a guest and without its queues.
//
// What a device tells of itself is constant. Its requests come one at a time from the queues'
// workers, on the I/O thread; it finishes each one, at once or later.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"
#include "vmm/io.h"
#include "vmm/virtio/queue/active_queue.h"
#include "vmm/virtio/queue/chain.h"

namespace vmm {
class EventLoop;
}

namespace vmm::virtio {

class Runner;
class Worker;
struct RunnerWiring;

// Device-independent feature bits (virtio 1.2, 6).
namespace feature {
inline constexpr uint64_t kIndirect = uint64_t{1} << 28;
inline constexpr uint64_t kEventIdx = uint64_t{1} << 29;
inline constexpr uint64_t kVersion1 = uint64_t{1} << 32;
inline constexpr uint64_t kRingPacked = uint64_t{1} << 34;
inline constexpr uint64_t kRingReset = uint64_t{1} << 40;
}  // namespace feature

// What a guest's driver knows a device by.
struct DeviceKind {
  uint16_t type = 0;          // device ID (virtio 1.2, 5)
  uint32_t device_class = 0;  // of PCI: base class, subclass, interface
};
inline constexpr DeviceKind kNetKind = {1, 0x020000};
inline constexpr DeviceKind kBlkKind = {2, 0x010000};
inline constexpr DeviceKind kConsoleKind = {3, 0x078000};
inline constexpr DeviceKind kRngKind = {4, 0x00ff00};
inline constexpr DeviceKind kBalloonKind = {5, 0x00ff00};

// A feature that means nothing without some others: a driver that takes it alone is refused.
struct FeatureNeed {
  uint64_t feature = 0;
  uint64_t needs = 0;  // all of them
};

// A byte of the configuration that the driver may write, these bits of it.
struct WritableByte {
  uint16_t offset = 0;
  uint8_t mask = 0;
};

struct DeviceModel {
  DeviceKind kind;
  uint64_t features = 0;              // of this kind of device; the transport adds its own
  std::vector<uint16_t> queue_sizes;  // the most that each queue can have
  std::vector<std::byte> config;      // the device's configuration; empty: none at all
  bool packed = false;                // offers packed rings
  std::vector<FeatureNeed> needs;     // of `features`
  bool config_writes = false;         // of the guest reach the device
  std::vector<WritableByte> writable = {};
  // How long a guest that takes bus mastering away waits for the device at most.
  std::chrono::milliseconds pause_patience{100};
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const DeviceModel& model() const = 0;
  // Before anything else: what tells the guest of a new configuration, as long as the model's. To
  // be called on the I/O thread, by a device that is started or is not.
  using ChangeConfig = std::function<void(std::span<const std::byte> config)>;
  virtual void Attach(ChangeConfig) {}

  // The driver has written this into a writable byte, or a reset has undone it. What the device
  // begins after that has to know it. From any thread, under the transport's lock.
  virtual void SetConfigByte(uint16_t, uint8_t) {}

  // All that follows: on the I/O thread.

  // The guest writes into the configuration, in whatever state the device is.
  virtual void WriteConfig(uint64_t, Width, uint64_t) {}
  // The driver has set the device up, with these features. Before any request of a new life.
  virtual base::Status Start(uint64_t features, EventLoop& loop) = 0;
  // What works a queue off in place of a Worker: nothing unless the device has its own. All
  // references outlive it.
  virtual std::unique_ptr<Runner> MakeRunner(uint16_t queue, const ActiveQueue& ring,
                                             const GuestRam& ram, const base::EventFd& kick,
                                             const RunnerWiring& wiring);
  // A queue has a worker from here to the other call, and may be given up and set up alone.
  virtual void OnQueueStart(Worker&) {}
  virtual void OnQueueEnd(uint16_t) {}
  // The queue pauses or ends: what the device holds of it, without anything in progress that would
  // finish it, is to be finished now.
  virtual void LetGo(uint16_t) {}
  // Whether it can do with another request of this queue. A device that says no calls Worker::Go
  // when it can: the guest is not asked to kick until then.
  virtual bool Wants(Worker&) { return true; }
  // A request; finished by Worker::Finish, now or later. `chain` is the worker's: copy what lasts.
  virtual void Handle(Worker& worker, const Chain& chain) = 0;
  // All requests of a kick have been handled: what was collected may go out.
  virtual void Submit() {}
  // Queues are paused or about to end, of which none is touched any more: requests that only wait
  // for something are to be finished.
  virtual void LetGo() {}
  // Bus mastering is off, and no request in progress.
  virtual void OnMasterOff() {}
  // The driver has let go of the device, and it has no request any more: what it still has to do on
  // the host, then `done`, perhaps at once.
  virtual void Flush(std::function<void()> done) { done(); }
  // After that: the end of what Start began.
  virtual void Stop() {}
};

}  // namespace vmm::virtio
