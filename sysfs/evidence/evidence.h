// Is the device in use by this host, and by what?
//
// Gathered from sysfs, /proc and the kernel's routing tables before anything is taken away. Each
// piece carries the chain that leads from the device to the use. What is absent, or forbidden to
// the caller (who is root where it counts), is not evidence; what fails to be read for another
// cause is: of kind kUnknown, because it may hide any use. Sources that are no files are functions
// here, so that a test needs no host.
//
// Found, also behind a USB controller:
//   storage   file systems (of other mount namespaces too), swap, device mapper, md, loop devices,
//             btrfs, NVMe multipath, NVMe and SCSI targets, processes that have a disk open, claims
//             inside the kernel (ZFS)
//   network   addresses, routes of all tables, the SSH session, what is stacked on an interface
//             (bond, team, bridge, VLAN; macvlan and the like also in another network namespace),
//             interfaces in another network namespace, a root file system that comes over the
//             network
//   console   the boot display, the firmware's framebuffer, the text console, connected outputs,
//             serial consoles, keyboards
//   functions virtual functions and who has them, mediated devices, vGPUs
//   processes that have it through VFIO or hold any other character device of it
//   managers  driverctl, libvirt, Proxmox VE
// Not found: members of ZFS pools by name (seen as claimed only), loop devices on files. What the
// network's lock keeps the kernel from telling in time is a use that is not known (sysfs/apart.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/caching_tree.h"
#include "sysfs/evidence/force.h"
#include "sysfs/evidence/namespaces.h"
#include "sysfs/evidence/places.h"
#include "sysfs/evidence/routes.h"
#include "sysfs/evidence/witness_tree.h"
#include "sysfs/holders.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

enum class UseKind : uint8_t {
  kMount,        // a file system of a mount table
  kSwap,         // swap space
  kHolder,       // a part of a stacked block device
  kClaim,        // claimed or served inside the kernel
  kOpen,         // a process holds a device node
  kAddress,      // an interface that is up with an address
  kRoute,        // a route goes through it
  kSession,      // the SSH session of this command
  kStack,        // a part of a stacked interface, wherever that is
  kNamespace,    // its interface is in another network namespace
  kNetworkRoot,  // the root file system comes over it
  kDisplay,      // the boot display or a connected output
  kConsole,      // a console or a keyboard
  kUsb,          // USB devices on it
  kFunctions,    // its virtual functions
  kMediated,     // mediated devices or a vGPU
  kVfio,         // a process has it through VFIO
  kForeign,      // another tool manages it
  kUnknown,      // something could not be read that would tell
};

// "mount", "swap", ... as in JSON.
std::string_view Name(UseKind kind);

struct Evidence {
  UseKind kind = UseKind::kOpen;
  std::vector<std::string> path;      // 0000:02:00.0, nvme1n1, nvme1n1p1, "mounted on /data"
  std::string detail;                 // "nvme1n1p1 is mounted on /data"
  std::optional<ForceReason> reason;  // nothing: cannot be overridden
  std::string cure;                   // what ends the use, or does without the device
  bool refuses = true;                // false: worth knowing, and no reason to refuse
  bool operator==(const Evidence&) const = default;
};

struct HostAddress {
  std::string interface;
  std::string address;  // numeric, without prefix length or zone
  bool link_local = false;
  unsigned prefix = 0;  // length; 0 when unknown
};

struct EvidenceSources {
  // Addresses of interfaces that are up, in our network namespace.
  std::function<base::Result<std::vector<HostAddress>>()> addresses = {};
  DeviceNumber device_number = {};
  // Whether an exclusive open of a block device node fails as busy.
  std::function<bool(const std::string& path)> claimed = {};
  // Where the search for the SSH session begins: our own process.
  int pid = 0;
  // Routes of all tables.
  std::function<base::Result<std::vector<HostRoute>>()> routes = {};
  // The interface that the kernel chooses for an address; nothing when there is no route.
  std::function<std::optional<std::string>(const std::string& address)> route_to = {};
  // Interfaces in other network namespaces: of devices, and stacked on interfaces of ours.
  std::function<std::vector<DistantInterface>()> distant = {};
};

// The running host's.
EvidenceSources HostSources();

// One device after the other of a host that is read once: what many devices have in common (class
// folders, mounts, processes) is asked at the first of them.
//
// Not thread safe; the tree outlives it.
class EvidenceFinder {
 public:
  EvidenceFinder(const Tree& tree, EvidenceSources sources);
  EvidenceFinder(const EvidenceFinder&) = delete;
  EvidenceFinder& operator=(const EvidenceFinder&) = delete;
  ~EvidenceFinder() = default;

  std::vector<Evidence> Find(const PciDevice& device);

 private:
  CachingTree cache_;
  Unread unread_;
  WitnessTree tree_;
  EvidenceSources sources_;
  Places places_;
  OpenFiles open_;
};

// For a single device.
std::vector<Evidence> FindEvidence(const Tree& tree, const PciDevice& device,
                                   const EvidenceSources& sources);

// Processes that have the device's VFIO nodes open, as evidence (part of the above).
std::vector<Evidence> FindVfioHolders(const Tree& tree, const PciDevice& device,
                                      const EvidenceSources& sources);

// What a command does with a device decides which uses it may override. Whoever takes one never
// takes it from another process, whose driver would hang until that process lets go. Whoever gives
// one back may override just that: the process is asked to let go, and waited for.
enum class Purpose : uint8_t { kTake, kGiveBack };
bool CanOverride(const Evidence& piece, Purpose purpose = Purpose::kTake);

// "0000:02:00.0 -> eth0 -> bond0 -> default route"; control bytes become '?'.
std::string Chain(const Evidence& piece);

// For JSON. Without an option to override, no piece names its reason.
std::vector<base::Use> ToUses(const std::vector<Evidence>& evidence, bool has_option = true,
                              Purpose purpose = Purpose::kTake);

// kInUse with every piece that `force` does not cover: the chain, the risk, the flag, the cure.
// Without a force set (a command that has no such option) nothing can be overridden.
base::Status CheckEvidence(const PciAddress& address, const std::vector<Evidence>& evidence,
                           const std::optional<ForceSet>& force, Purpose purpose = Purpose::kTake);

}  // namespace sysfs
