// An open VFIO PCI device: its regions, interrupts, config space and reset.
//
// Threads: ReadRegion, WriteRegion, SetIrqs and Reset may be called from several threads at once
// (the kernel locks); a caller that needs an order among them keeps it itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/mapping.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "vfio/hot_reset.h"
#include "vfio/irq_set.h"
#include "vfio/region.h"

namespace vfio {

// Indices of the kernel's ABI (linux/vfio.h, VFIO_PCI_*_REGION_INDEX and VFIO_PCI_*_IRQ_INDEX).
enum RegionIndex : uint32_t {
  kBar0Region = 0,
  kBar5Region = 5,
  kRomRegion = 6,
  kConfigRegion = 7,
  kVgaRegion = 8
};
enum IrqIndex : uint32_t {
  kIntxIrq = 0,
  kMsiIrq = 1,
  kMsixIrq = 2,
  kErrorIrq = 3,
  kRequestIrq = 4
};

struct IrqInfo {
  uint32_t count = 0;
  bool eventfd = false;
  bool maskable = false;
  bool automasked = false;
  bool no_resize = false;  // MSI-X vectors cannot be added while it is on
};

class Device {
 public:
  // Takes the descriptor of DmaSpace::OpenDevice and reads what the device has. The kernel outlives
  // the device.
  static base::Result<Device> Create(base::Kernel& kernel, const sysfs::PciAddress& address,
                                     base::Fd fd);

  const sysfs::PciAddress& address() const { return address_; }
  // Nothing for an index that the device does not have.
  const Region* region(uint32_t index) const;
  IrqInfo irq(uint32_t index) const;
  bool resettable() const { return resettable_; }

  // Offsets are relative to the region; a transfer crosses no region's end.
  base::Status Read(uint32_t region, uint64_t offset, std::span<std::byte> into) const;
  base::Status Write(uint32_t region, uint64_t offset, std::span<const std::byte> from) const;
  // One mappable area of a region, congruent to its offset for huge entries.
  base::Result<base::Mapping> Map(uint32_t region, const Area& area) const;

  // Connects events from `start` on, one per vector; -1 leaves a vector without event. When fewer
  // vectors are free than asked for, fails with kKernel and says how many there are.
  base::Status SetTriggers(uint32_t irq, uint32_t start, std::span<const int> eventfds) const;
  // Switches an index on with one event per vector. Too few free vectors are no failure: nothing is
  // on then, and the result is how many the host has; else it is the number of `eventfds`.
  base::Result<uint32_t> OfferTriggers(uint32_t irq, std::span<const int> eventfds) const;
  // Lets `eventfd` unmask a level-triggered interrupt (INTx), kernel to kernel.
  base::Status SetUnmaskEvent(uint32_t irq, int eventfd) const;
  base::Status Mask(uint32_t irq) const;
  base::Status Unmask(uint32_t irq) const;
  // Takes all vectors of this index away; done as well when it had none.
  base::Status DisableIrq(uint32_t irq) const;

  // VFIO_DEVICE_RESET: function-level or whatever method the kernel has for this function alone;
  // kUnsupported when it has none.
  base::Status Reset() const;
  // The kernel's reset of the slot or bus that the function is on, with whatever else is there
  // (VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, hot_reset.cc). Nothing when there is no such reset: a root
  // bus, or a bridge that cannot.
  base::Result<std::optional<std::vector<HotResetMember>>> HotResetSet() const;
  // Performs it. `groups` proves that the set is ours: the descriptors of the members' groups
  // (type1), none with device files. Fails when another user has a member, or one is not on VFIO.
  base::Status HotReset(std::span<const int> groups) const;

 private:
  Device(base::Kernel& kernel, const sysfs::PciAddress& address, base::Fd fd)
      : kernel_(&kernel), address_(address), fd_(std::move(fd)) {}
  base::Status ReadInfo();
  // Where a transfer is in the descriptor; kInternal when it is not inside the region.
  base::Result<uint64_t> FileOffset(uint32_t index, uint64_t offset, size_t size) const;
  // The number of free vectors when there are too few, else 0.
  base::Result<int> SendTriggers(uint32_t irq, uint32_t start, std::span<const int> events) const;
  base::Status Act(IrqSet request, uint32_t irq, std::string_view what) const;

  base::Kernel* kernel_;
  sysfs::PciAddress address_;
  base::Fd fd_;
  bool resettable_ = false;
  std::vector<std::optional<Region>> regions_;  // by index, never compacted
  std::vector<IrqInfo> irqs_;
};

}  // namespace vfio
