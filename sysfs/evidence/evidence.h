// Is the device in use by this host, and by what?
//
// Gathered from sysfs and /proc before anything is taken away. Whatever cannot be read is not
// evidence: the caller is root where it counts. Sources that are no files are functions here, so
// that a test needs no host.
//
// Found: file systems (also in other mount namespaces), swap, device mapper, md and btrfs on its
// disks, NVMe multipath included; processes that have its disks open; default routes, addresses and
// the SSH session on its network interfaces or what is stacked on them; interfaces that live in
// another network namespace; virtual functions; the boot display; processes that have it through
// VFIO. Not found: ZFS pools (seen as claimed only), routes of policy tables, users of a GPU or of
// RDMA.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/evidence/force.h"
#include "sysfs/holders.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

struct Evidence {
  std::string detail;                 // "nvme1n1p1 is mounted on /data"
  std::optional<ForceReason> reason;  // nothing: cannot be overridden
  std::string cure;                   // the command that ends the use
  bool operator==(const Evidence&) const = default;
};

struct HostAddress {
  std::string interface;
  std::string address;  // numeric, without prefix length or zone
  bool link_local = false;
};

struct EvidenceSources {
  // Addresses of interfaces that are up, in our network namespace.
  std::function<std::vector<HostAddress>()> addresses;
  DeviceNumber device_number;
  // Whether an exclusive open of a block device node fails as busy.
  std::function<bool(const std::string& path)> claimed;
  // Where the search for the SSH session begins: our own process.
  int pid = 0;
};

// The running host's.
EvidenceSources HostSources();

std::vector<Evidence> FindEvidence(const Tree& tree, const PciDevice& device,
                                   const EvidenceSources& sources);

// Processes that have the device's VFIO nodes open, as evidence (part of the above).
std::vector<Evidence> FindVfioHolders(const Tree& tree, const PciDevice& device,
                                      const EvidenceSources& sources);

// kInUse with every piece that `force` does not cover: what, the risk, the flag, the cure. Without
// a force set (a command that has no such option) nothing can be overridden.
base::Status CheckEvidence(const PciAddress& address, const std::vector<Evidence>& evidence,
                           const std::optional<ForceSet>& force);

}  // namespace sysfs
