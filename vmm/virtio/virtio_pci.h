// A virtio device on the guest's PCI bus (virtio 1.2, 4.1): registers and interrupts here, its
// requests on the I/O thread.
//
// What a queue is becomes a value at DRIVER_OK (ActiveQueue); a queue that is not possible makes
// the device ask for a reset. Every queue is looked at once when it starts, and when bus mastering
// comes back: a guest may have kicked before. Without bus mastering no ring is touched: a guest
// that starts another kernel switches nothing else off. The processor that takes it away waits
// until the device has let go of guest RAM, but alone: others go on, and so do accesses to this
// function.
//
// A reset waits for requests that the kernel works on, a tenth of a second inside of the guest's
// write, then as long as it takes: status does not read as zero before, because the guest uses the
// memory for something else then. Until it does the device answers nothing.
//
// Threads: PciFunction's from vCPU threads under the bridge's lock, BAR accesses from any; the lock
// here is below the bridge's. The device is told everything on the I/O thread.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/log.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/function.h"
#include "vmm/virtio/io_thread.h"
#include "vmm/virtio/transport/common_config.h"
#include "vmm/virtio/transport/vectors.h"
#include "vmm/virtio/worker.h"

namespace vmm::virtio {

struct VirtioPciOptions {
  std::string name;  // for messages and views
  uint32_t intx_gsi = 0;
  // A guest has broken a queue; on the I/O thread, under the lock here.
  std::function<void(uint16_t queue, std::string_view reason)> broken = {};
  // A reset of the running device has ended; on the I/O thread.
  std::function<void()> was_reset = {};
};

class VirtioPci final : public pci::PciFunction, public std::enable_shared_from_this<VirtioPci> {
 public:
  // The I/O thread outlives it, and the RAM.
  static base::Result<std::shared_ptr<VirtioPci>> Create(VirtioPciOptions options,
                                                         std::unique_ptr<Device> device,
                                                         const GuestRam& ram, IoThread& io);
  class Key;
  VirtioPci(Key key, VirtioPciOptions options, std::unique_ptr<Device> device, const GuestRam& ram,
            IoThread& io, std::vector<base::EventFd> kicks);
  VirtioPci(const VirtioPci&) = delete;
  VirtioPci& operator=(const VirtioPci&) = delete;
  ~VirtioPci() override = default;

  std::string_view name() const override { return options_.name; }
  std::vector<pci::BarInfo> bars() const override;
  uint32_t ReadConfig(uint16_t offset, Width width) override;
  std::vector<pci::BarChange> WriteConfig(uint16_t offset, Width width, uint32_t value) override;
  std::function<void()> Waiting() override;
  base::Status ApplyBar(const pci::BarChange& change, const pci::Spaces& spaces) override;
  // kTimedOut while requests of before Disconnect are in progress.
  base::Status Connect(kvm::InterruptRouter& router) override;
  void Disconnect() override;

  const DeviceCounters& counters() const { return counters_; }
  // Whether no reset waits for requests of it in progress on the host.
  bool quiet() const;

  // After Disconnect: returns when the device has no request any more, however long it takes.
  void Drain();
  // After Drain, when nothing of it is left on the I/O thread: the device, to be ended by whoever
  // may. What still has the function, such as a processor in the middle of an access, finds an
  // empty shell.
  std::unique_ptr<Device> Retire();

  uint64_t ReadBar(uint64_t offset, Width width);
  void WriteBar(uint64_t offset, Width width, uint64_t value);

 private:
  using Lock = std::unique_lock<std::mutex>;
  // What the I/O thread alone has.
  struct IoSide {
    std::vector<std::unique_ptr<Runner>> runners;  // by queue; nothing where it is off
    bool master = false;
    Watch pin_ends;
  };

  // Registers (virtio_pci.cc).
  uint64_t ReadBarLocked(uint64_t offset, Width width);
  void WriteBarLocked(Lock& lock, uint64_t offset, Width width, uint64_t value);
  void WriteCommonLocked(Lock& lock, uint64_t offset, Width width, uint64_t value);
  void NotifyLocked(uint64_t offset);
  uint64_t ReadDeviceConfigLocked(uint64_t offset, Width width);
  void WriteDeviceConfigLocked(uint64_t offset, Width width, uint64_t value);
  void ChangeConfig(std::span<const std::byte> config);
  void WriteBytesLocked(uint64_t offset, Width width, uint64_t value);
  void ResetConfigLocked();
  uint64_t ReadIsrLocked();
  bool PinLevelLocked() const;
  void UpdatePinLocked();
  void InterruptLocked(uint8_t isr, uint16_t vector);
  void SetDoorbellsLocked();
  void RewireLocked();

  // Life (virtio_pci_life.cc).
  void StartLocked();
  void StartQueueLocked(uint16_t queue);
  std::optional<ActiveQueue> CheckQueueLocked(uint16_t queue);
  void ResetLocked(Lock& lock, std::chrono::milliseconds patience);
  void ResetQueueLocked(Lock& lock, uint16_t queue);
  void SetMasterLocked(bool on);
  void FailLocked(std::string_view why);

  // On the I/O thread.
  bool RunDevice(uint64_t features);
  void RunQueue(uint16_t index, const ActiveQueue& queue);
  void EndDevice();
  void FinishReset();
  void EndQueue(uint16_t queue);
  void PauseAll();
  void ResumeAll();
  void RewireAll();
  void EndQueues(const std::vector<uint16_t>& queues, std::function<void()> done);
  std::vector<uint16_t> RunningQueues() const;
  void OnBroken(uint16_t queue, QueueFault fault);
  void OnPinEnd(const base::EventFd& ends);
  void WatchPinEnds(const std::shared_ptr<base::EventFd>& ends);
  void Post(std::function<void()> function);

  const VirtioPciOptions options_;
  std::unique_ptr<Device> device_;
  const GuestRam* ram_;
  IoThread* io_;
  const std::vector<base::EventFd> kicks_;  // by queue
  DeviceCounters counters_;
  RunnerWiring wiring_;
  base::Limited log_;

  mutable std::mutex mutex_;  // all below but io_side_
  std::condition_variable quiet_;
  pci::ConfigSpace config_;
  pci::DecodedBars decoded_;
  CommonConfig registers_;
  std::vector<std::byte> device_config_;
  Vectors vectors_;
  uint8_t isr_ = 0;
  bool started_ = false;               // the I/O thread works, or is about to
  bool resetting_ = false;             // and is told to end
  bool rewires_ = false;               // is about to
  unsigned pauses_ = 0;                // that wait for it
  bool pause_begun_ = false;           // by a write after which nobody has waited yet
  unsigned config_writes_ = 0;         // that the device has not got yet
  std::optional<base::Range> window_;  // the BAR's, while it is active
  pci::Spaces spaces_;
  std::vector<kvm::Doorbell> doorbells_;

  IoSide io_side_;
};

}  // namespace vmm::virtio
