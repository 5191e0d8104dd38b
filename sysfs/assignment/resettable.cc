#include "sysfs/assignment/resettable.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sysfs/drivers.h"
#include "sysfs/reset_methods.h"

namespace sysfs {
namespace {

std::string PathOf(const PciAddress& address) {
  return "/sys/bus/pci/devices/" + address.ToString();
}

// Since Linux 5.15, for functions that can be reset.
bool KernelNamesMethods(const Tree& tree, std::span<const PciAddress> devices) {
  return std::any_of(devices.begin(), devices.end(), [&](const PciAddress& one) {
    return tree.Exists(PathOf(one) + "/reset_method");
  });
}

bool CanAlone(const Tree& tree, const PciDevice& device, std::span<const PciAddress> all) {
  const auto methods = ReadResetMethods(tree, device.address);
  if (methods) return !methods->empty();
  return tree.Exists(device.path() + "/reset") || !KernelNamesMethods(tree, all);
}

bool IsOnVfio(const Tree& tree, const PciAddress& address) {
  const auto driver = LinkName(tree, PathOf(address) + "/driver");
  return driver && IsVfioDriver(tree, *driver);
}

}  // namespace

ResetReach ReadResetReach(const Tree& tree, const PciDevice& device) {
  ResetReach reach;
  const auto all = ListDevices(tree);
  if (!all || CanAlone(tree, device, *all)) return reach;
  reach.alone = false;
  reach.has_bridge = !BridgesAbove(tree, device.address).empty();
  for (const PciAddress& other : *all) {
    const bool is_mate = other.domain == device.address.domain && other.bus == device.address.bus;
    if (is_mate && other != device.address && !IsOnVfio(tree, other))
      reach.bus_mates.push_back(other);
  }
  return reach;
}

std::optional<std::string> ExplainNoReset(const ResetReach& reach,
                                          std::span<const PciAddress> moving) {
  if (reach.alone) return std::nullopt;
  constexpr const char* kAlone = "the kernel cannot reset it by itself";
  if (!reach.has_bridge)
    return fmt::format("{}, and it sits on a root bus, which has no reset", kAlone);
  std::vector<std::string> staying;
  for (const PciAddress& mate : reach.bus_mates) {
    if (std::find(moving.begin(), moving.end(), mate) == moving.end())
      staying.push_back(mate.ToString());
  }
  if (staying.empty()) return std::nullopt;
  return fmt::format("{}, and a reset of its bus would take {} too, which the host keeps", kAlone,
                     fmt::join(staying, ", "));
}

base::Status CheckResettable(const PciAddress& address, const ResetReach& reach,
                             std::span<const PciAddress> moving, const ForceSet& force) {
  const auto why = ExplainNoReset(reach, moving);
  if (!why || force.contains(ForceReason::kNoReset)) return {};
  std::string cure = "use another slot, or another device";
  if (reach.has_bridge) {
    cure = fmt::format("vassign bind {}", address.ToString());
    for (const PciAddress& mate : reach.bus_mates) cure += " " + mate.ToString();
  }
  return base::Fail(
      base::Code::kUnfit,
      fmt::format("{}: cannot be reset between two users: {}", address.ToString(), *why),
      fmt::format("{}  (--force=no-reset binds it all the same: {})", cure,
                  Risk(ForceReason::kNoReset)));
}

}  // namespace sysfs
