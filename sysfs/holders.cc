#include "sysfs/holders.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <string_view>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

// "/dev/vfio/14" as its owner sees it: another mount namespace or root may put something else in
// front, or leave "/dev" away.
bool IsNode(std::string_view opened, std::string_view path) {
  constexpr std::string_view kDev = "/dev";
  return opened.starts_with('/') && opened.ends_with(path.substr(kDev.size()));
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

void OpenFiles::Look() {
  looked_ = true;
  for (const int pid : ListProcesses(tree_)) {
    const std::string folder = fmt::format("/proc/{}/fd", pid);
    const auto descriptors = tree_.List(folder);
    if (!descriptors) continue;  // gone meanwhile, or another user's
    for (const std::string& descriptor : *descriptors) {
      const std::string link = folder + "/" + descriptor;
      auto opened = tree_.ReadLink(link);
      if (!opened || !opened->starts_with('/')) continue;  // a socket, a pipe
      const auto number = number_ ? number_(link) : std::nullopt;
      files_.push_back({pid, std::move(*opened), number});
    }
  }
}

std::vector<Holder> OpenFiles::HoldersOf(std::span<const DeviceNode> nodes) {
  std::vector<Holder> holders;
  if (nodes.empty()) return holders;
  if (!looked_) Look();
  std::vector<DeviceNode> wanted(nodes.begin(), nodes.end());
  for (DeviceNode& node : wanted) {
    if (!number_) node.number.reset();
    if (number_ && !node.number) node.number = number_(node.path);
  }
  for (const File& file : files_) {
    const auto node = std::find_if(wanted.begin(), wanted.end(), [&](const DeviceNode& one) {
      return one.number ? one.number == file.number : IsNode(file.opened, one.path);
    });
    if (node == wanted.end()) continue;
    const auto index = static_cast<size_t>(node - wanted.begin());
    const bool known = std::any_of(holders.begin(), holders.end(), [&](const Holder& one) {
      return one.pid == file.pid && one.index == index;
    });
    if (known) continue;
    const std::string name = fmt::format("/proc/{}/comm", file.pid);
    holders.push_back({file.pid, ReadText(tree_, name).value_or(""), file.opened, index});
  }
  return holders;
}

std::vector<Holder> FindHolders(const Tree& tree, std::span<const std::string> nodes,
                                const DeviceNumber& number) {
  std::vector<DeviceNode> wanted;
  for (const std::string& path : nodes) wanted.push_back({path, std::nullopt});
  return OpenFiles(tree, number).HoldersOf(wanted);
}

}  // namespace sysfs
