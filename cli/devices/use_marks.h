// What needs a device right now, as the marks of `list` and `show`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sysfs/evidence/evidence.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

// On the running host; the tree outlives the function. Host-wide facts are read once.
std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> HostUseMarks(
    const sysfs::Tree& tree);

// For a report of one device, or of what is free: asks also whether somebody has claimed a disk of
// it (a ZFS pool), which a list does not, because to ask makes the disk look busy to others for a
// moment.
std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> HostCloseLook(
    const sysfs::Tree& tree);
// On a recorded host that tells it (sysfs/evidence/recorded.h).
std::function<std::vector<sysfs::Evidence>(const sysfs::PciDevice&)> RecordedUseMarks(
    const sysfs::Tree& tree);
// The question left away for disks that sleep: opening them would wake them.
std::function<bool(const std::string&)> ClaimsOfAwake(
    const sysfs::Tree& tree, std::function<bool(const std::string&)> claimed);

// For a cell: "mounted on /data, default route"; what does not refuse is left out.
std::string Marks(const std::vector<sysfs::Evidence>& evidence);
// For a page, the chains without the device: "eth0 -> bond0 -> default route".
std::vector<std::string> Chains(const std::vector<sysfs::Evidence>& evidence);

}  // namespace cli
