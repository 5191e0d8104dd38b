// The machine as a plan, made from sysfs before anything is touched.
//
// ReadHost takes the snapshot, PlanMachine decides; both change nothing. Errors are the bad inputs
// of a start: unknown device (kNotFound), duplicate (kUsage), bridge, no IOMMU or a group with a
// blocker (kUnfit), a device on its host driver (kInUse with the command to run).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"
#include "vmm/layout.h"
#include "vmm/options.h"
#include "vmm/standby_plan.h"
#include "vmm/topology.h"

namespace vmm {

struct HostDevice {
  sysfs::PciDevice device;
  bool on_vfio = false;  // bound to vfio-pci or one of its variants
  sysfs::IommuGroup group;
  std::optional<unsigned> iommu_bits = {};  // what its IOMMU translates, when that is known
  std::vector<sysfs::Blocker> blockers;
  std::vector<sysfs::PciBar> bars;
};

struct HostSnapshot {
  std::vector<HostDevice> devices;  // in the order of Options::assign
  unsigned physical_address_bits = 46;
  PagePool pool = {};  // of Options::pages, when these are reserved ones
};

base::Result<HostDevice> ReadHostDevice(const sysfs::Tree& tree, const sysfs::PciAddress& address);
base::Result<HostSnapshot> ReadHost(const sysfs::Tree& tree, const Options& options);

struct MachinePlan {
  Layout layout;
  std::vector<PlannedDevice> devices;
  std::vector<PlannedEmulated> emulated;
  std::vector<PlannedPort> ports;
  std::vector<StandbyPair> standby;
  bool mergeable = false;               // Options::mergeable
  uint64_t locked_bytes = 0;            // what the IOMMU pins; 0 without devices
  uint64_t dma_block_bytes = 0;         // RAM is mapped in such blocks; 0: each piece as one
  std::vector<ReservedRange> reserved;  // of all groups, where no RAM is
};

// One device by itself: bridge, IOMMU; and, unless it is to be taken yet, driver and group.
base::Status CheckDevice(const HostDevice& device, bool managed);
// What the user typed: the same device, id or place twice.
base::Status CheckDuplicates(const Options& options);
// The balloon with the rest of the machine: kUnfit says what it does not go with.
base::Status CheckBalloon(const Options& options);
// The checks alone: duplicates, each device by itself, reserved pages. PlanMachine makes them too.
// With Options::managed a device may still be the host's.
base::Status CheckDevices(const Options& options, const HostSnapshot& host);
// What managed devices have to be once they are taken: on a VFIO driver, their groups viable.
base::Status CheckTaken(const HostSnapshot& host);

// Where everything goes, whether the devices can be had or not.
base::Result<MachinePlan> ArrangeMachine(const Options& options, const HostSnapshot& host);
base::Result<MachinePlan> PlanMachine(const Options& options, const HostSnapshot& host);

// kUsage: memory that KSM merges cannot be given to devices.
base::Status CheckMergeable(const Options& options);

// Whether the device can join a machine that runs: kUnfit names the reserved range that its RAM
// meets, or why the RAM cannot be pinned.
base::Status CheckHotPlug(const HostDevice& device, const MachinePlan& plan);

}  // namespace vmm
