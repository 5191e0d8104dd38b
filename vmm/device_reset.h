// Performs the resets that vfio/reset_plan.h plans on devices of a machine, and finds out which of
// them came back.
//
// A reset that fails, or that there is none of, ends nothing: the device keeps what the guest left
// in it, which is said; its DMA is off until a driver wants it. One that does not answer afterwards
// is lost.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vfio/dma_space.h"
#include "vfio/reset_plan.h"
#include "vmm/assigned/device.h"

namespace vmm {

using AssignedDevices = std::vector<std::shared_ptr<assigned::AssignedDevice>>;

struct LostDevice {
  sysfs::PciAddress address;
  base::Error why;
};

// How `devices` would be reset, of a machine that has `all`. What cannot be found out is said and
// counts as no reset.
std::vector<vfio::ResetScope> PlanDeviceResets(const sysfs::Tree& tree,
                                               const AssignedDevices& devices,
                                               const AssignedDevices& all);

// All that a reset of these devices needs to know, so that performing it reads no file: a processor
// whose guest resets a card may open none (confinement/allowed_calls.h). Holds until devices come
// or leave.
struct PreparedReset {
  AssignedDevices devices;
  std::vector<vfio::ResetScope> scopes;                  // in their order
  std::map<sysfs::PciAddress, std::vector<int>> proofs;  // by leader, of a hot reset
};
PreparedReset PrepareReset(const sysfs::Tree& tree, const vfio::DmaSpace& space,
                           const AssignedDevices& devices, const AssignedDevices& all);

// Resets them; they are disconnected. Returns those that are lost.
std::vector<LostDevice> PerformReset(const PreparedReset& reset, base::Limited& log);

// A device that the machine has closed, which the kernel resets then: nothing when it is as it
// should be, or cannot be looked at.
std::optional<LostDevice> CheckAfterClose(const sysfs::Tree& tree, const sysfs::PciAddress& device);
void TellLost(const LostDevice& lost);

}  // namespace vmm
