// Can this device be given to a guest, and if not, why? Facts read once, and a pure judgement.
//
// The judgement names every obstacle where `bind` stops at its first. Where it says nothing of a
// blocker, a bind with the same facts gets as far as the kernel.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/assignment/resettable.h"
#include "sysfs/assignment/viability.h"
#include "sysfs/diagnosis/finding.h"
#include "sysfs/diagnosis/group_cause.h"
#include "sysfs/diagnosis/host.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

struct DeviceDiagnosis {
  ViabilityFacts viability;  // the device, the blockers of its group
  std::optional<IommuGroup> group;
  std::vector<Hop> path;
  std::vector<Evidence> evidence;  // of use
  std::optional<std::string> vfio_driver;
  bool on_vfio_driver = false;
  std::optional<std::vector<std::string>> reset_methods;  // nothing before Linux 5.15
  ResetReach reset;
  std::string runtime_status;  // "suspended"
  std::string power_state;     // "D3cold"
  bool has_max_vfs = false;    // its driver's module has the parameter of that name
  HostFacts host;
};

// `find_evidence` says what uses a device; empty on a recorded host, which has no processes.
DeviceDiagnosis ReadDiagnosis(
    const Tree& tree, const PciDevice& device, HostFacts host,
    const std::function<std::vector<Evidence>(const PciDevice&)>& find_evidence);

// A part of it: memory that the firmware keeps mapped for the group's devices.
std::optional<Finding> JudgeReserved(const IommuGroup& group);

std::vector<Finding> JudgeDevice(const DeviceDiagnosis& facts);

}  // namespace sysfs
