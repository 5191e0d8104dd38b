// The machine as a plan, made from sysfs before anything is touched.
//
// ReadHost takes the snapshot, PlanMachine decides; both change nothing. Errors are the bad inputs
// of a start: unknown device (kNotFound), duplicate (kUsage), bridge, no IOMMU or a group with a
// blocker (kUnfit), a device on its host driver (kInUse with the command to run).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"
#include "vmm/layout.h"
#include "vmm/options.h"

namespace vmm {

struct HostDevice {
  sysfs::PciDevice device;
  bool on_vfio = false;  // bound to vfio-pci or one of its variants
  sysfs::IommuGroup group;
  std::vector<sysfs::Blocker> blockers;
  std::vector<sysfs::PciBar> bars;
};

struct HostSnapshot {
  std::vector<HostDevice> devices;  // in the order of Options::assign
  unsigned physical_address_bits = 46;
};

base::Result<HostSnapshot> ReadHost(const sysfs::Tree& tree, const Options& options);

struct PlannedDevice {
  sysfs::PciAddress host;
  uint8_t guest_slot = 0;
  std::string modalias;
  assigned::ConfigPolicy config = assigned::ConfigPolicy::kStandard;
};

struct MachinePlan {
  Layout layout;
  std::vector<PlannedDevice> devices;
  uint64_t locked_bytes = 0;  // what the IOMMU pins; 0 without devices
};

// The checks alone: duplicates, and each device by itself. PlanMachine makes them too.
base::Status CheckDevices(const Options& options, const HostSnapshot& host);

base::Result<MachinePlan> PlanMachine(const Options& options, const HostSnapshot& host);

}  // namespace vmm
