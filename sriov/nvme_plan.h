// Dividing a drive's flexible resources among its virtual functions: pure functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sriov/nvme_virtualization.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"

namespace sriov {

// What each virtual function gets; 0 of a kind that the drive does not divide.
struct NvmeShare {
  uint16_t queues = 0;
  uint16_t interrupts = 0;
  bool operator==(const NvmeShare&) const = default;
};

// What the primary controller keeps of the flexible resources.
struct NvmePrimaryShare {
  uint16_t queues = 0;
  uint16_t interrupts = 0;
  bool operator==(const NvmePrimaryShare&) const = default;
};

// What the primary controller has to keep at most, so that `count` functions can have the least
// that works: two queues (admin and one more) and one interrupt. As it is when that suffices. To be
// asked while no function exists: what they have counts as free. kUnfit when the drive has not so
// many, or when the primary one would be left without.
base::Result<NvmePrimaryShare> PlanPrimaryShare(const NvmePrimary& primary, unsigned count);

// The same for each of `count` functions, as much as there is. kUnfit when it is less than works.
base::Result<NvmeShare> DivideResources(const NvmePrimary& primary, unsigned count);

// The commands that make the primary one keep `share`; they take effect at its next reset. Empty
// when it is so.
std::vector<NvmeCommand> PlanPrimaryCommands(const NvmePrimary& primary,
                                             const NvmePrimaryShare& share);

// A secondary controller that is not online gets its resources; after these commands its function
// is reset and then set online.
std::vector<NvmeCommand> PlanAssign(const NvmeSecondary& secondary, const NvmeShare& share);

// The controller behind the virtual function of this index.
std::optional<NvmeSecondary> FindSecondary(std::span<const NvmeSecondary> all, unsigned index);

}  // namespace sriov
