// The assigned devices of a machine and the DMA space that they share.
//
// Order (Documentation/driver-api/vfio.rst): groups or device files are claimed and linked to KVM,
// then each device is opened, in parallel, while the calling thread maps guest RAM: the kernel
// resets a function when it is opened and sleeps 100 ms for it. There is no other reset at start.
//
// Threads: all from the thread that owns the machine, but ResetCard and Open.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vfio/dma_space.h"
#include "vmm/assigned/device.h"
#include "vmm/device_reset.h"
#include "vmm/dma_ram.h"
#include "vmm/plan.h"

namespace vmm {

class Assignment {
 public:
  struct Hooks {
    // Returns when guest RAM may be mapped for the devices of the start.
    std::function<base::Status()> populated = [] { return base::Status(); };
    // Runs a function soon on a thread that may open files (confinement/allowed_calls.h).
    std::function<void(std::function<void()>)> later = [](const auto& function) { function(); };
    // By `later`: the guest begins or ends to use a device.
    std::function<void(const sysfs::PciAddress& device, bool on)> mastering = {};
  };

  // Of the devices that are not hidden. No device: nothing is opened. `ram` outlives it, as do
  // kernel and tree.
  static base::Result<Assignment> Start(base::Kernel& kernel, const sysfs::Tree& tree,
                                        const MachinePlan& plan, vfio::Backend wanted, DmaRam& ram,
                                        const vfio::KvmLink& link, Hooks hooks);

  // In the order of the plan, without those that are hidden, then in that of their coming.
  const AssignedDevices& devices() const { return devices_; }
  unsigned dma_maps() const { return space_ ? space_->map_count() : 0; }
  // For a machine that runs, in three steps, one device at a time. The first device makes the DMA
  // space, and guest RAM is mapped for it; the kernel resets a device that is opened, and waits for
  // one that does not come back for a minute: Open may last. After a failure, which Finish returns,
  // all is as before.
  enum class Needs : uint8_t { kNothing, kRam };
  base::Result<Needs> Claim(const PlannedDevice& device, const vfio::KvmLink& link);
  using Opened = base::Result<std::shared_ptr<assigned::AssignedDevice>>;
  // From any thread that may open files, beside all else.
  Opened Open(const PlannedDevice& device, Needs needs);
  Opened Finish(const PlannedDevice& device, Opened opened, const vfio::KvmLink& unlink);
  // Closes the device, which has been disconnected. With the last one the DMA space goes, and guest
  // RAM is pinned no longer.
  void Remove(const std::shared_ptr<assigned::AssignedDevice>& device, const vfio::KvmLink& unlink);
  // For a reboot: the devices are linked to the new virtual machine and reset. Those that did not
  // come back are still there, for Remove.
  base::Result<std::vector<LostDevice>> Restart(const vfio::KvmLink& link);
  // The functions of one card, which the guest may reset from now on.
  void PrepareCard(const AssignedDevices& card);
  // Of a card that was prepared, disconnected. Fails when a function did not come back. From any
  // thread; reads no file.
  base::Status ResetCard(const AssignedDevices& card);
  // Says of which devices a reboot takes others along, or leaves something behind.
  void TellResets() const;

 private:
  Assignment(base::Kernel& kernel, const sysfs::Tree& tree, vfio::Backend wanted, DmaRam& ram,
             Hooks hooks)
      : kernel_(&kernel), tree_(&tree), wanted_(wanted), ram_(&ram), hooks_(std::move(hooks)) {}
  base::Status OpenSpace(const std::vector<PlannedDevice>& devices);
  void DropSpace();
  void Release(const sysfs::PciAddress& device, const vfio::KvmLink& unlink);
  void PrepareCardsLocked();

  base::Kernel* kernel_;
  const sysfs::Tree* tree_;
  vfio::Backend wanted_;
  DmaRam* ram_;
  Hooks hooks_;
  std::unique_ptr<vfio::DmaSpace> space_;  // outlives the devices: they are closed first
  AssignedDevices devices_;
  bool claimed_ = false;  // one more, until Finish

  // A vCPU may reset a card while devices come and go.
  struct Resets {
    std::mutex mutex;  // devices_, the claims of space_, and the cards
    base::Limited log;
    std::vector<PreparedReset> cards;
  };
  std::unique_ptr<Resets> resets_ = std::make_unique<Resets>();
};

}  // namespace vmm
