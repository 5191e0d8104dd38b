// Who else has a device node open, as evidence.
#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

std::string Title(const Holder& holder) {
  return fmt::format("pid {} ({})", holder.pid, holder.command.empty() ? "?" : holder.command);
}

Evidence HolderOf(const Holder& holder, const WatchedNode& watched) {
  const bool is_machine = watched.kind == UseKind::kVfio;
  return {watched.kind, Extend(watched.path, Title(holder)),
          fmt::format("{} has {} open", Title(holder), holder.node), watched.reason,
          fmt::format("end {}pid {} first", is_machine ? "that virtual machine or program, " : "",
                      holder.pid)};
}

// Users that leave no trace elsewhere: ZFS, bcache, a kernel target.
Evidence ClaimOf(const WatchedNode& watched) {
  return {UseKind::kClaim, Extend(watched.path, "claimed in the kernel"),
          watched.node + " is claimed inside the kernel (a ZFS pool, a cache or a target)",
          watched.reason, "take down what uses it (zpool export ...)"};
}

bool IsStorageUse(const Evidence& piece) {
  return piece.refuses && piece.reason == ForceReason::kMounted;
}

}  // namespace

void AddHolders(const Search& search, const std::vector<WatchedNode>& nodes,
                std::vector<Evidence>& evidence) {
  std::vector<DeviceNode> wanted;
  for (const WatchedNode& watched : nodes) wanted.push_back({watched.node, watched.number});
  for (const Holder& holder : search.open.HoldersOf(wanted)) {
    if (holder.pid != search.sources.pid) evidence.push_back(HolderOf(holder, nodes[holder.index]));
  }
  if (!search.sources.claimed || std::any_of(evidence.begin(), evidence.end(), IsStorageUse))
    return;
  for (const WatchedNode& watched : nodes) {
    if (watched.may_be_claimed && search.sources.claimed(watched.node))
      evidence.push_back(ClaimOf(watched));
  }
}

// A node that is not there is open nowhere; an old number of somebody else's must not count.
Findings FindVfioUse(const Search& search) {
  const PciDevice& device = search.device;
  const std::vector<std::string> path = {device.address.ToString()};
  Findings found;
  const auto watch = [&](const std::string& folder, const std::string& name) {
    if (!search.places.IsListed(folder, name)) return;
    const std::string node = folder + "/" + name;
    found.nodes.push_back({node, Extend(path, node), UseKind::kVfio, ForceReason::kAssigned, false,
                           search.places.VfioNumber(node)});
  };
  if (device.iommu_group) watch("/dev/vfio", std::to_string(*device.iommu_group));
  for (const Below& cdev : search.places.FindBelow("/sys/dev/char", device.address)) {
    const bool is_own = cdev.path.size() == path.size() + 1;  // and not of a function behind it
    if (is_own && cdev.place.find("/vfio-dev/") != std::string::npos)
      watch("/dev/vfio/devices", std::string(base::LastComponent(cdev.place)));
  }
  return found;
}

}  // namespace sysfs
