// A physical function and its virtual ones as the host has them, read once.
//
// Follows Documentation/ABI/testing/sysfs-bus-pci (sriov_*, virtfnN, physfn). Addresses come from
// the links, never from arithmetic.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sriov/nvme_admin.h"
#include "sriov/vf_attributes.h"
#include "sriov/vf_links.h"
#include "sysfs/pci_device.h"

namespace sriov {

struct VirtualFunction {
  unsigned index = 0;
  sysfs::PciDevice device;
  VfAttributes attributes;                  // empty when the physical one has no interface
  std::optional<NvmeSecondary> controller;  // of a drive that divides its resources
  std::optional<unsigned> msix_count;       // vectors; nothing when only root could read it
};

struct PhysicalFunction {
  sysfs::PciDevice device;
  unsigned total = 0;                  // sriov_totalvfs
  unsigned count = 0;                  // sriov_numvfs
  std::optional<bool> autoprobe;       // nothing on kernels before 4.12
  std::optional<unsigned> msix_total;  // sriov_vf_total_msix: vectors to share out
  std::string interface;               // network interface; empty without one
  std::string nvme;                    // controller, "nvme1"; empty without one
  std::optional<NvmePrimary> primary;  // of a drive that divides its resources
  std::vector<VirtualFunction> functions;
};

// Ways to what sysfs does not show. Without one of them its facts are left out.
struct Sources {
  VfLinks* links = nullptr;
  NvmeAdmin* nvme = nullptr;
};

// kNotFound without such a device; kUnsupported when it has no virtual functions to enable, with
// the physical function's address when it is a virtual one itself.
base::Result<PhysicalFunction> ReadFunctions(const sysfs::Tree& tree,
                                             const sysfs::PciAddress& address,
                                             const Sources& sources);

// All functions that can have virtual ones.
base::Result<std::vector<sysfs::PciAddress>> ListPhysicalFunctions(const sysfs::Tree& tree);

// The drive's controller, "nvme1", while the nvme driver has the function; empty otherwise.
base::Result<std::string> NvmeController(const sysfs::Tree& tree, const sysfs::PciDevice& device);

// The size of the MSI-X table by the function's configuration space (PCI 3.0, 6.8.2.3).
std::optional<unsigned> ReadMsixCount(const sysfs::Tree& tree, const sysfs::PciDevice& device);

}  // namespace sriov
