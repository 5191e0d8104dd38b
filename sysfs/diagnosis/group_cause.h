// Why is an IOMMU group as large as it is? The hop that does not keep its devices apart.
//
// The rule is the kernel's (pci_device_group in drivers/iommu/iommu.c, pci_acs_enabled in
// drivers/pci/pci.c): requests must be forced up to the IOMMU at every port on the way, which takes
// Source Validation, Request Redirect, Completion Redirect and Upstream Forwarding of Access
// Control Services (PCIe 6.0, 6.12 and 7.7.11), as far as a port has them. Conventional buses
// cannot tell requesters apart. The kernel knows some ports that isolate without the capability; a
// group that is small in spite of a hop without it needs no explanation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/pci_address.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

enum class HopKind : uint8_t { kConventional, kRootPort, kUpstream, kDownstream, kEndpoint };

struct AccessControl {
  uint16_t capability = 0;
  uint16_t control = 0;
};

struct Hop {
  PciAddress address;
  HopKind kind = HopKind::kEndpoint;
  bool multifunction = false;
  bool readable = false;  // its extended configuration space; root only, and not while it sleeps
  std::optional<AccessControl> acs;
};

// From the root to the device itself.
std::vector<Hop> ReadPath(const Tree& tree, const PciDevice& device);

// Whether the kernel takes this hop for one that isolates; true for one that cannot be read.
bool Isolates(const Hop& hop);

// "0000:00:1c.0 (root port) has no Access Control Services: what is below it shares the group".
// Nothing when every hop isolates. `unreadable` is set when a hop could not be looked at.
std::optional<std::string> ExplainGroup(const std::vector<Hop>& path, bool& unreadable);

}  // namespace sysfs
