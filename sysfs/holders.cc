#include "sysfs/holders.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <string_view>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

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

// The place in `wanted` of the node that a descriptor leads to.
std::optional<size_t> Match(const std::string& link, const std::string& opened,
                            const std::vector<WantedNode>& wanted, const DeviceNumber& number) {
  if (!opened.starts_with('/')) return std::nullopt;  // a socket, a pipe
  std::optional<uint64_t> own;
  bool looked = false;
  for (size_t index = 0; index < wanted.size(); ++index) {
    const WantedNode& node = wanted[index];
    if (!node.number) {
      if (IsNode(opened, node.path)) return index;
      continue;
    }
    if (!looked) own = number(link);
    looked = true;
    if (own == node.number) return index;
  }
  return std::nullopt;
}

}  // namespace

std::vector<int> ListProcesses(const Tree& tree) {
  std::vector<int> pids;
  for (const std::string& name : tree.List("/proc").value_or(std::vector<std::string>())) {
    if (const auto pid = base::ParseDecimal(name, INT_MAX)) pids.push_back(static_cast<int>(*pid));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::vector<Holder> FindHolders(const Tree& tree, std::span<const std::string> nodes,
                                const DeviceNumber& number) {
  std::vector<Holder> holders;
  if (nodes.empty()) return holders;
  std::vector<WantedNode> wanted;
  for (const std::string& path : nodes)
    wanted.push_back({path, number ? number(path) : std::nullopt});
  for (const int pid : ListProcesses(tree)) {
    const std::string process = fmt::format("/proc/{}", pid);
    const auto descriptors = tree.List(process + "/fd");
    if (!descriptors) continue;  // gone meanwhile, or another user's
    for (const std::string& descriptor : *descriptors) {
      const std::string link = process + "/fd/" + descriptor;
      const auto opened = tree.ReadLink(link);
      if (!opened) continue;
      const auto index = Match(link, *opened, wanted, number);
      if (!index) continue;
      const bool known = std::any_of(holders.begin(), holders.end(), [&](const Holder& one) {
        return one.pid == pid && one.index == *index;
      });
      if (known) continue;
      holders.push_back({pid, ReadText(tree, process + "/comm").value_or(""), *opened, *index});
    }
  }
  return holders;
}

}  // namespace sysfs
