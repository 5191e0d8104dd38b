#include "vfio/holders.h"

#include <algorithm>
#include <climits>

#include "sysfs/base/text.h"

namespace vfio {
namespace {

bool HasOpen(const sysfs::Tree& tree, const std::string& process, const std::string& node) {
  const auto descriptors = tree.List(process + "/fd");
  if (!descriptors) return false;  // gone meanwhile, or another user's
  return std::any_of(descriptors->begin(), descriptors->end(), [&](const std::string& name) {
    const auto target = tree.ReadLink(process + "/fd/" + name);
    return target && *target == node;
  });
}

}  // namespace

std::vector<Holder> FindHolders(const sysfs::Tree& tree, const std::string& node) {
  std::vector<Holder> holders;
  const auto entries = tree.List("/proc");
  if (!entries) return holders;
  for (const std::string& name : *entries) {
    const auto pid = base::ParseDecimal(name, INT_MAX);
    const std::string process = "/proc/" + name;
    if (!pid || !HasOpen(tree, process, node)) continue;
    holders.push_back(
        {static_cast<int>(*pid), sysfs::ReadText(tree, process + "/comm").value_or("")});
  }
  std::sort(holders.begin(), holders.end(),
            [](const Holder& a, const Holder& b) { return a.pid < b.pid; });
  return holders;
}

}  // namespace vfio
