// What a report over many devices says of each, with every host-wide fact read once.
//
// Reads through a cache: the host as it was at the first look. Not thread safe; the tree outlives
// it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/devices/device_facts.h"
#include "cli/devices/owners.h"
#include "sysfs/caching_tree.h"
#include "sysfs/drivers.h"
#include "sysfs/iommu_group.h"

namespace cli {

class HostView {
 public:
  struct Group {
    std::optional<sysfs::IommuGroup> known;
    std::vector<sysfs::Blocker> blockers;
    // Whether its device is alone in it; nothing where the kernel may have split groups that the
    // hardware does not isolate (the ACS override patch).
    std::optional<bool> isolated;
  };

  HostView(const sysfs::Tree& tree, sysfs::DeviceNumber number);

  const Group& GroupOf(unsigned id);
  // Its number among the virtual functions of its physical one.
  std::optional<unsigned> VfIndex(const sysfs::PciDevice& device);
  std::optional<bool> Autoprobe(const sysfs::PciDevice& pf) const;
  std::optional<std::string> VfioDriver(const sysfs::PciDevice& device);
  base::Status Assignable(const sysfs::PciDevice& device) const;
  bool has_acs_override() const { return has_acs_override_; }

  // One look at all processes, for those devices that are on a VFIO driver.
  void LookForOwners(std::span<const sysfs::PciDevice> devices);
  std::optional<Owner> OwnerOf(const sysfs::PciDevice& device) const;
  // Whether it may have an owner that only root sees.
  bool IsOwnerHidden(const sysfs::PciDevice& device) const;
  // The facts of a list that could not be had, and why.
  std::vector<UnknownFact> Unknown(const sysfs::PciDevice& device) const;

 private:
  sysfs::CachingTree tree_;
  sysfs::DeviceNumber number_;
  bool has_acs_override_;
  std::map<unsigned, Group> groups_;
  std::map<sysfs::PciAddress, std::vector<sysfs::PciAddress>> functions_;  // of physical ones
  std::optional<sysfs::VfioDrivers> vfio_;
  std::optional<Owners> owners_;
  std::map<sysfs::PciAddress, std::vector<std::string>> nodes_;  // of devices on a VFIO driver
};

}  // namespace cli
