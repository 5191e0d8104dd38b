#include "cli/devices/host_view.h"

#include <algorithm>

#include "cli/devices/assignable.h"
#include "cli/devices/busy.h"
#include "sysfs/assignment/assignment.h"

namespace cli {

using sysfs::PciAddress;
using sysfs::PciDevice;

HostView::HostView(const sysfs::Tree& tree, sysfs::DeviceNumber number)
    : tree_(tree),
      number_(std::move(number)),
      has_acs_override_(
          sysfs::ReadText(tree, "/proc/cmdline").value_or("").find("pcie_acs_override=") !=
          std::string::npos) {}

const HostView::Group& HostView::GroupOf(unsigned id) {
  const auto seen = groups_.find(id);
  if (seen != groups_.end()) return seen->second;
  Group& group = groups_[id];
  auto found = sysfs::ReadGroup(tree_, id);
  if (!found) return group;
  group.blockers = sysfs::FindBlockers(tree_, *found);
  if (found->members.size() > 1 || !has_acs_override_) group.isolated = found->members.size() == 1;
  group.known = std::move(*found);
  return group;
}

std::optional<unsigned> HostView::VfIndex(const PciDevice& device) {
  if (!device.physfn) return std::nullopt;
  auto functions = functions_.find(*device.physfn);
  if (functions == functions_.end()) {
    const auto pf = sysfs::ReadDevice(tree_, *device.physfn, sysfs::Detail::kUnlocked);
    functions =
        functions_.emplace(*device.physfn, pf ? pf->virtfns : std::vector<PciAddress>{}).first;
  }
  const std::vector<PciAddress>& all = functions->second;
  const auto self = std::find(all.begin(), all.end(), device.address);
  if (self == all.end()) return std::nullopt;
  return static_cast<unsigned>(self - all.begin());
}

std::optional<bool> HostView::Autoprobe(const PciDevice& pf) const {
  const auto value = sysfs::ReadDecimal(tree_, pf.path() + "/sriov_drivers_autoprobe");
  if (!value) return std::nullopt;
  return *value != 0;
}

std::optional<std::string> HostView::VfioDriver(const PciDevice& device) {
  if (device.is_bridge()) return std::nullopt;
  if (!vfio_) vfio_.emplace(tree_);
  return vfio_->Best(device.modalias);
}

base::Status HostView::Assignable(const PciDevice& device) const {
  return CheckAssignable(tree_, device);
}

void HostView::LookForOwners(std::span<const PciDevice> devices) {
  std::vector<std::string> all;
  for (const PciDevice& device : devices) {
    if (!device.driver || !sysfs::IsVfioDriver(tree_, *device.driver)) continue;
    auto nodes = sysfs::VfioNodes(tree_, device);
    if (nodes.empty()) continue;
    all.insert(all.end(), nodes.begin(), nodes.end());
    nodes_[device.address] = std::move(nodes);
  }
  if (!all.empty()) owners_.emplace(tree_, all, number_);
}

std::optional<Owner> HostView::OwnerOf(const PciDevice& device) const {
  const auto nodes = nodes_.find(device.address);
  if (!owners_ || nodes == nodes_.end()) return std::nullopt;
  return owners_->Of(nodes->second);
}

bool HostView::IsOwnerHidden(const PciDevice& device) const {
  return nodes_.contains(device.address) && !owners_->sees_all() && !OwnerOf(device);
}

std::vector<UnknownFact> HostView::Unknown(const PciDevice& device) const {
  std::vector<UnknownFact> unknown;
  if (device.busy) {
    unknown.push_back({"driver_override", "Override", std::string(kBusyReason)});
    if (device.sriov_totalvfs)
      unknown.push_back({"sriov.num", "Enabled", std::string(kBusyReason)});
  }
  if (IsOwnerHidden(device)) unknown.push_back({"owner", "Owner", std::string(kOwnerUnknown)});
  return unknown;
}

}  // namespace cli
