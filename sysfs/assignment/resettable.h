// Whether a device can be reset between two users, as vfio-pci would do it: by itself, or with all
// of its bus when everything there is on a VFIO driver.
//
// Follows drivers/vfio/pci/vfio_pci_core.c (vfio_pci_dev_set_try_reset) and pci_reset_bus(): a bus
// below a bridge can be reset as a whole, a root bus cannot.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/evidence/force.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

struct ResetReach {
  // The kernel can reset the function alone; also where an old kernel (before 5.15) does not say.
  bool alone = true;
  bool has_bridge = false;            // above it, whose bus can be reset
  std::vector<PciAddress> bus_mates;  // other functions of its bus that are on no VFIO driver
  bool operator==(const ResetReach&) const = default;
};

ResetReach ReadResetReach(const Tree& tree, const PciDevice& device);

// Why it cannot be reset once these devices are on VFIO drivers; nothing when it can.
std::optional<std::string> ExplainNoReset(const ResetReach& reach,
                                          std::span<const PciAddress> moving);

// kUnfit with the reason, unless `force` holds kNoReset.
base::Status CheckResettable(const PciAddress& address, const ResetReach& reach,
                             std::span<const PciAddress> moving, const ForceSet& force);

}  // namespace sysfs
