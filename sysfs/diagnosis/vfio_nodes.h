// May this user open the device, once it is on a VFIO driver? By the device's own file with
// /dev/iommu, or by its group with /dev/vfio/vfio (Documentation/driver-api/vfio.rst).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/diagnosis/finding.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

// The files of one way, in the order in which they are opened, and whether this user may.
struct VfioWay {
  std::vector<std::string> nodes;
  std::optional<std::string> closed;  // the first that this user may not open
  bool operator==(const VfioWay&) const = default;
};

// The ways that there are; none for a device on another driver.
std::vector<VfioWay> ReadVfioWays(const Tree& tree, const PciDevice& device,
                                  const std::function<bool(const std::string& path)>& may_open);

// Nothing without a way.
std::optional<Finding> JudgeVfioNodes(const PciAddress& device, const std::vector<VfioWay>& ways);

}  // namespace sysfs
