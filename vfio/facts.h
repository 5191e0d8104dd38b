// What the host's files say about a device that is to be opened: its nodes, and, when opening
// failed, what stands in the way. Only reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/holders.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace vfio {

// The device's IOMMU group. kNotFound without such a device, kUnfit for a bridge or without IOMMU.
base::Result<unsigned> FindGroup(const sysfs::Tree& tree, const sysfs::PciAddress& device);

std::string GroupNode(unsigned group);  // "/dev/vfio/14"

// The device's VFIO device file: "vfio3"; nothing when the device is not on a VFIO driver, or the
// kernel has no device files (CONFIG_VFIO_DEVICE_CDEV).
std::optional<std::string> FindDeviceFile(const sysfs::Tree& tree, const sysfs::PciAddress& device);
std::string DeviceNode(const std::string& file);  // "/dev/vfio/devices/vfio3"

struct AccessFacts {
  std::string device;                 // "0000:08:00.0"
  std::string node;                   // the file that was opened or that the failed call was on
  std::optional<std::string> driver;  // nothing when no driver is bound
  bool on_vfio_driver = false;
  std::optional<unsigned> group;
  std::vector<sysfs::Blocker> blockers;
  // Other processes that have the group, or a device file of a member, open.
  std::vector<sysfs::Holder> holders;
  // The physical function, when it is on a VFIO driver too: the two share a token.
  std::optional<std::string> physical;
  bool has_functions = false;  // virtual ones, of its own
};

AccessFacts ReadAccessFacts(const sysfs::Tree& tree, const sysfs::PciAddress& device,
                            const std::string& node);

}  // namespace vfio
