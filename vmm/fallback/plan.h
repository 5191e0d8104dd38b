// Which virtio device serves for a device that cannot be assigned. Pure.
//
// A drive is served by virtio-blk on its block device, unless the host uses any of it; a network
// card or virtual function by a macvtap in bridge mode over its interface (Linux:
// drivers/net/macvlan.c, macvtap.c), which leaves the host's own use of that as it is. Nothing is
// bound or unbound for it: a device without a driver of the host has neither, and the error names
// the command that gives it one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/pci_device.h"
#include "vmm/options.h"

namespace vmm {

// Whether a device may be replaced after an assignment failed so: the device, its group, its rights
// or this kernel are the reason. What the user wrote wrongly never is.
bool AllowsFallback(base::Code code);

struct HostInterface {
  std::string name;
  uint16_t mtu = 1500;
  bool up = false;
  bool wireless = false;
  std::string master;  // the bond, bridge or team that has it
};

struct FallbackFacts {
  sysfs::PciDevice device;
  std::vector<std::string> disks;  // whole ones: "nvme0n1"
  std::string serial;              // the drive's own
  // Of the device; of its physical function when it is a virtual one that has none.
  std::vector<HostInterface> interfaces;
  bool of_physical = false;
  bool taken = false;  // by vfio-pci or one of its kin
  std::vector<sysfs::Evidence> evidence;
};

struct FallbackPlan {
  Fallback fallback;  // but for its index
  std::variant<virtio::BlkOptions, virtio::NetOptions> device;
};

// `why` is the reason why the request failed. The error is a new one that has both: kInUse with the
// evidence for what the host needs, else the code of `why`.
base::Result<FallbackPlan> PlanFallback(const AssignRequest& request, base::Error why,
                                        const FallbackFacts& facts);

}  // namespace vmm
