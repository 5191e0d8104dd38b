// What the reset plan stands on: read from sysfs before a device is opened, and asked of the kernel
// once it is. Only reads.
#pragma once

#include <span>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"
#include "vfio/device.h"
#include "vfio/reset_plan.h"

namespace vfio {

// Whose the functions on a bus are.
struct ResetOwner {
  std::vector<sysfs::PciAddress> resetting;  // those that are to be reset now
  std::vector<sysfs::PciAddress> assigned;   // all of the machine
};

// A prediction, for before a start. The hot reset set is left out where a function-level reset
// makes it needless.
ResetFacts PredictReset(const sysfs::Tree& tree, const sysfs::PciAddress& device,
                        const ResetOwner& owner);
// The plan for a machine that is to have exactly these.
std::vector<ResetScope> PredictResets(const sysfs::Tree& tree,
                                      std::span<const sysfs::PciAddress> devices);

// The same of an open device, by the kernel. One call, none with a function-level reset.
base::Result<ResetFacts> AskReset(const sysfs::Tree& tree, const Device& device,
                                  const ResetOwner& owner);

}  // namespace vfio
