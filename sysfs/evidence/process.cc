// Who else has a device node open, as evidence.
#include <fmt/format.h>

#include <algorithm>

#include "sysfs/evidence/parts.h"

namespace sysfs {

std::vector<Holder> FindOtherHolders(const Tree& tree, const std::vector<std::string>& nodes,
                                     const EvidenceSources& sources) {
  std::vector<Holder> holders = FindHolders(tree, nodes, sources.device_number);
  std::erase_if(holders, [&](const Holder& holder) { return holder.pid == sources.pid; });
  return holders;
}

std::string Describe(const Holder& holder) {
  return fmt::format("pid {} ({}) has {} open", holder.pid,
                     holder.command.empty() ? "?" : holder.command, holder.node);
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
  for (const Holder& holder : FindOtherHolders(tree, nodes, sources)) {
    found.push_back(
        {Describe(holder), ForceReason::kAssigned,
         fmt::format("end that virtual machine or program (pid {}) first", holder.pid)});
  }
  return found;
}

}  // namespace sysfs
