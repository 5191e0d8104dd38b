// Who has a device node open: /proc/PID/fd (proc(5)).
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

// By its number, so that another name or another mount namespace hides nobody; by its path where
// numbers cannot be had.
struct WantedNode {
  std::string path;
  std::optional<uint64_t> number;
};

// "/dev/vfio/14" as its owner sees it: another mount namespace or root may put something else in
// front, or leave "/dev" away.
bool IsNode(std::string_view opened, std::string_view path) {
  constexpr std::string_view kDev = "/dev";
  return opened.starts_with('/') && opened.ends_with(path.substr(kDev.size()));
}

std::string CommandOf(const Tree& tree, const std::string& pid) {
  return ReadText(tree, "/proc/" + pid + "/comm").value_or("?");
}

bool Matches(const std::string& link, const std::string& opened,
             const std::vector<WantedNode>& nodes, const EvidenceSources& sources) {
  if (!opened.starts_with('/')) return false;  // a socket, a pipe
  std::optional<uint64_t> number;
  bool looked = false;
  for (const WantedNode& node : nodes) {
    if (!node.number) {
      if (IsNode(opened, node.path)) return true;
      continue;
    }
    if (!looked) number = sources.device_number(link);
    looked = true;
    if (number == node.number) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> ListProcesses(const Tree& tree) {
  std::vector<std::string> pids;
  const auto names = tree.List("/proc");
  if (!names) return pids;
  for (const std::string& name : *names) {
    if (base::ParseDecimal(name, INT32_MAX)) pids.push_back(name);
  }
  std::sort(pids.begin(), pids.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return pids;
}

std::vector<NodeHolder> FindNodeHolders(const Tree& tree, const std::vector<std::string>& paths,
                                        const EvidenceSources& sources) {
  std::vector<NodeHolder> holders;
  if (paths.empty()) return holders;
  std::vector<WantedNode> nodes;
  for (const std::string& path : paths) {
    nodes.push_back({path, sources.device_number ? sources.device_number(path) : std::nullopt});
  }
  for (const std::string& pid : ListProcesses(tree)) {
    if (pid == fmt::format("{}", sources.pid)) continue;
    const std::string folder = "/proc/" + pid + "/fd";
    const auto descriptors = tree.List(folder);
    if (!descriptors) continue;
    for (const std::string& descriptor : *descriptors) {
      const std::string link = folder + "/" + descriptor;
      const auto opened = tree.ReadLink(link);
      if (!opened || !Matches(link, *opened, nodes, sources)) continue;
      const bool known =
          !holders.empty() && holders.back().pid == pid && holders.back().node == *opened;
      if (!known) holders.push_back({pid, CommandOf(tree, pid), *opened});
    }
  }
  return holders;
}

std::vector<Evidence> FindVfioHolders(const Tree& tree, const PciDevice& device,
                                      const EvidenceSources& sources) {
  std::vector<std::string> nodes;
  if (device.iommu_group) nodes.push_back(fmt::format("/dev/vfio/{}", *device.iommu_group));
  for (const std::string& name :
       tree.List(device.path() + "/vfio-dev").value_or(std::vector<std::string>())) {
    nodes.push_back("/dev/vfio/devices/" + name);
  }
  // A node that is not there is open nowhere; an old number of somebody else's must not count.
  std::erase_if(nodes, [&](const std::string& node) { return !tree.Exists(node); });
  std::vector<Evidence> found;
  for (const NodeHolder& holder : FindNodeHolders(tree, nodes, sources)) {
    found.push_back(
        {fmt::format("pid {} ({}) has {} open", holder.pid, holder.command, holder.node),
         ForceReason::kAssigned,
         fmt::format("end that virtual machine or program (pid {}) first", holder.pid)});
  }
  return found;
}

}  // namespace sysfs
