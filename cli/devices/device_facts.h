// Everything about one PCI function, read once for `vassign show`.
//
// A fact that cannot be had is nothing, and when the reader could get it by other means `unknown`
// says how. Only configuration space beyond its first 64 bytes needs root. A sleeping device is
// never woken: what only the device itself knows (link, sizes that a BAR may take, configuration
// space) stays unknown then, because their files resume it (drivers/pci/pci-sysfs.c).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/devices/owners.h"
#include "sysfs/base/result.h"
#include "sysfs/capability.h"
#include "sysfs/identity.h"
#include "sysfs/iommu_group.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

struct GroupMember {
  sysfs::PciAddress address;
  uint32_t class_code = 0;
  std::optional<std::string> driver;
  bool blocks = false;  // its driver keeps the group from user space
};

struct Link {
  std::string speed;  // "8.0 GT/s PCIe", as sysfs says
  std::string max_speed;
  unsigned width = 0;
  unsigned max_width = 0;
};

struct Bar {
  sysfs::PciBar bar;
  // Sizes in bytes that it may be given; nothing when the device sleeps.
  std::optional<std::vector<uint64_t>> resizable;
};

struct Power {
  std::optional<std::string> state;    // D0 to D3cold
  std::optional<std::string> control;  // on or auto
  std::optional<std::string> runtime;  // active, suspended
  std::optional<bool> d3cold_allowed;
};

struct ConfigFacts {
  std::vector<sysfs::Capability> capabilities;
  std::vector<sysfs::Capability> extended;
  std::optional<unsigned> msi_vectors;
  std::optional<unsigned> msix_vectors;
  std::optional<bool> function_level_reset;  // with the PCI Express capability
};

struct UnknownFact {
  std::string fact;    // its name in JSON
  std::string label;   // its name on the page
  std::string reason;  // and how to get it
};

struct DeviceFacts {
  sysfs::PciDevice device;
  std::vector<sysfs::PciAddress> bridges;  // above it, from the root
  sysfs::Identity identity;                // without the DSN of a sleeping device
  std::vector<std::string> interfaces;     // what its driver made: eth0, nvme0, nvme0n1, card1
  std::optional<std::vector<std::string>> candidates;  // drivers or, unloaded, modules
  std::optional<std::string> vfio_driver;              // the best one for it
  std::optional<sysfs::IommuGroup> group;
  std::vector<GroupMember> members;
  std::optional<std::string> group_node;   // /dev/vfio/14
  std::optional<std::string> device_node;  // /dev/vfio/devices/vfio3
  std::optional<Owner> owner;
  std::vector<Bar> bars;
  std::optional<Link> link;
  std::optional<std::vector<std::string>> reset_methods;
  std::optional<bool> sriov_autoprobe;
  std::optional<unsigned> vf_index;  // of a virtual function
  Power power;
  std::optional<ConfigFacts> config;
  std::vector<UnknownFact> unknown;
};

struct FactSources {
  std::string sysroot;                     // of a recorded host; empty for the running one
  sysfs::DeviceNumber device_number = {};  // of a path; may be empty
};

base::Result<DeviceFacts> ReadFacts(const sysfs::Tree& tree, const sysfs::PciAddress& address,
                                    const FactSources& sources);

Power ReadPower(const sysfs::Tree& tree, const std::string& path);
// Nothing without a link. Not for a device that sleeps: it would wake.
std::optional<Link> ReadLinkFacts(const sysfs::Tree& tree, const std::string& path);
// Whether reading the device itself would wake it.
bool IsAsleep(const Power& power);

// What the bytes of configuration space tell.
ConfigFacts ParseConfig(std::span<const std::byte> config);

}  // namespace cli
