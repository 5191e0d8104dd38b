// Can a device be given to user space at all: endpoint, IOMMU, group.
//
// The group's rule is the kernel's since 5.19 (sysfs/iommu_group.h). Interrupt remapping cannot be
// read from sysfs; who opens the device finds out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/evidence/force.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

// What the host says about its IOMMU.
struct IommuState {
  bool active = false;         // a unit works: /sys/class/iommu has entries
  std::string table;           // DMAR, IVRS or VIOT when firmware describes one
  std::string kernel_command;  // /proc/cmdline
};

IommuState ReadIommuState(const Tree& tree);
// "firmware describes an IOMMU (DMAR), the kernel does not use it", and what to do.
struct IommuProblem {
  std::string cause;
  std::string cure;
};
// Why a device has no group.
IommuProblem ExplainMissingIommu(const IommuState& state);

// A member of the group that keeps user space out.
struct GroupBlocker {
  PciAddress address;
  std::string driver;
  bool is_bridge = false;
};

struct ViabilityFacts {
  PciDevice device;
  IommuState iommu;
  std::vector<GroupBlocker> blockers;  // of its group
};

ViabilityFacts ReadViability(const Tree& tree, const PciDevice& device);

// kUnfit with the cause and the command that cures it. Members in `moving` leave their drivers in
// the same run and block nobody. `--force=group` lets a blocked group pass.
base::Status CheckViability(const ViabilityFacts& facts, std::span<const PciAddress> moving,
                            const ForceSet& force);

}  // namespace sysfs
