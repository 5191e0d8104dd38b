#include "sysfs/lock_holder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

// With the device's lock held: drivers/base/dd.c, drivers/pci/iov.c. The first that is found says
// best what goes on.
constexpr std::array<std::string_view, 6> kWork = {
    "unbind_store",          "bind_store",  "sriov_numvfs_store", "device_release_driver_internal",
    "__driver_probe_device", "really_probe"};

// "[<0>] msleep+0x2d/0x40 [module]": the functions, the innermost first.
std::vector<std::string_view> Functions(std::string_view stack) {
  std::vector<std::string_view> functions;
  for (std::string_view line : base::Split(stack, '\n')) {
    const size_t close = line.find("] ");
    if (close == std::string_view::npos) continue;
    line.remove_prefix(close + 2);
    functions.push_back(line.substr(0, line.find('+')));
  }
  return functions;
}

// It waits for somebody's lock: if for the device's, it is no holder.
bool WaitsForLock(const std::vector<std::string_view>& functions) {
  constexpr size_t kInnermost = 3;
  return std::any_of(functions.begin(),
                     functions.begin() + static_cast<long>(std::min(kInnermost, functions.size())),
                     [](std::string_view name) { return name.find("mutex_lock") != name.npos; });
}

}  // namespace

std::optional<LockHolder> FindLockHolder(const Tree& tree) {
  for (const std::string& name : tree.List("/proc").value_or(std::vector<std::string>())) {
    const auto pid = base::ParseDecimal(name, INT32_MAX);
    if (!pid) continue;
    const auto stack = ReadText(tree, "/proc/" + name + "/stack");
    if (!stack) continue;
    const auto functions = Functions(*stack);
    const auto work = std::find_if(kWork.begin(), kWork.end(), [&](std::string_view one) {
      return std::find(functions.begin(), functions.end(), one) != functions.end();
    });
    if (work == kWork.end() || WaitsForLock(functions)) continue;
    return LockHolder{static_cast<int>(*pid),
                      ReadText(tree, "/proc/" + name + "/comm").value_or("?"), std::string(*work),
                      std::string(functions.front())};
  }
  return std::nullopt;
}

std::string HolderText(const Tree& tree) {
  const auto holder = FindLockHolder(tree);
  if (!holder) return {};
  return fmt::format(": pid {} ({}) is in {} and waits in {}", holder->pid, holder->command,
                     holder->where, holder->wait);
}

}  // namespace sysfs
