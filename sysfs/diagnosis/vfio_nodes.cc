#include "sysfs/diagnosis/vfio_nodes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace sysfs {

std::vector<VfioWay> ReadVfioWays(const Tree& tree, const PciDevice& device,
                                  const std::function<bool(const std::string& path)>& may_open) {
  std::vector<VfioWay> ways;
  const auto add = [&](std::vector<std::string> nodes) {
    if (!std::all_of(nodes.begin(), nodes.end(), [&](const auto& one) { return tree.Exists(one); }))
      return;
    VfioWay& way = ways.emplace_back();
    const auto closed = std::find_if(nodes.begin(), nodes.end(),
                                     [&](const std::string& one) { return !may_open(one); });
    if (closed != nodes.end()) way.closed = *closed;
    way.nodes = std::move(nodes);
  };
  for (const std::string& name :
       tree.List(device.path() + "/vfio-dev").value_or(std::vector<std::string>()))
    add({"/dev/vfio/devices/" + name, "/dev/iommu"});
  if (device.iommu_group) add({fmt::format("/dev/vfio/{}", *device.iommu_group), "/dev/vfio/vfio"});
  return ways;
}

std::optional<Finding> JudgeVfioNodes(const PciAddress& device, const std::vector<VfioWay>& ways) {
  constexpr const char* kCheck = "permissions";
  if (ways.empty()) return std::nullopt;
  const auto open =
      std::find_if(ways.begin(), ways.end(), [](const VfioWay& way) { return !way.closed; });
  if (open != ways.end())
    return Good(kCheck, fmt::format("this user may open {}", fmt::join(open->nodes, " and ")));
  return Warning(
      kCheck, fmt::format("this user may not open {}", *ways.front().closed),
      fmt::format("access = {{ group = \"GROUP\" }} in vassign.toml grants its node; vassign "
                  "with {} --fds passes descriptors on",
                  device.ToString()));
}

}  // namespace sysfs
