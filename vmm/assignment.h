// The assigned devices of a machine and the DMA space that they share.
//
// Order (Documentation/driver-api/vfio.rst): groups or device files are claimed and linked to KVM,
// then each device is opened, in parallel, while the calling thread maps guest RAM: the kernel
// resets a function when it is opened and sleeps 100 ms for it. There is no other reset at start.
//
// Threads: all from the thread that owns the machine.
#pragma once

#include <memory>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vfio/dma_space.h"
#include "vmm/assigned/device.h"
#include "vmm/memory.h"
#include "vmm/plan.h"

namespace vmm {

class Assignment {
 public:
  // No device: nothing is opened. `memory` and `tree` outlive it; the memory is mapped one to one,
  // one map a block.
  static base::Result<Assignment> Start(base::Kernel& kernel, const sysfs::Tree& tree,
                                        const MachinePlan& plan, vfio::Backend wanted,
                                        const GuestMemory& memory, const vfio::KvmLink& link);

  // In the order of the plan.
  const std::vector<std::shared_ptr<assigned::AssignedDevice>>& devices() const { return devices_; }
  unsigned dma_maps() const { return space_ ? space_->map_count() : 0; }
  // For a reboot: the devices are reset, and linked to the new virtual machine.
  base::Status Restart(const vfio::KvmLink& link);

 private:
  std::unique_ptr<vfio::DmaSpace> space_;  // outlives the devices: they are closed first
  std::vector<std::shared_ptr<assigned::AssignedDevice>> devices_;
};

}  // namespace vmm
