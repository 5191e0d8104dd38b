#include "vfio/reset_facts.h"

#include <algorithm>

#include "sysfs/drivers.h"
#include "sysfs/pci_device.h"
#include "vfio/facts.h"

namespace vfio {
namespace {

bool Holds(std::span<const sysfs::PciAddress> list, const sysfs::PciAddress& device) {
  return std::find(list.begin(), list.end(), device) != list.end();
}

// A function that the machine does not have is reset with the others when it lies idle: in a group
// that we hold, so that no other process can have it, and on a VFIO driver, for the kernel lets
// user space reset nothing else (vfio_pci_dev_set_resettable).
bool LiesIdle(const sysfs::Tree& tree, const sysfs::PciAddress& device, const ResetOwner& owner) {
  const auto described = sysfs::ReadDevice(tree, device, sysfs::Detail::kIdentity);
  if (!described || !described->iommu_group || !described->driver) return false;
  if (!sysfs::IsVfioDriver(tree, *described->driver)) return false;
  return std::any_of(owner.assigned.begin(), owner.assigned.end(), [&](const auto& assigned) {
    const auto group = FindGroup(tree, assigned);
    return group && *group == *described->iommu_group;
  });
}

bool IsOurs(const sysfs::Tree& tree, const sysfs::PciAddress& device, const ResetOwner& owner) {
  if (Holds(owner.resetting, device)) return true;
  return !Holds(owner.assigned, device) && LiesIdle(tree, device, owner);
}

// Everything below the same bridge. Nothing on a root bus, which has none.
std::optional<std::vector<sysfs::PciAddress>> BusOf(const sysfs::Tree& tree,
                                                    const sysfs::PciAddress& device) {
  const auto above = sysfs::BridgesAbove(tree, device);
  const auto all = sysfs::ListDevices(tree);
  if (above.empty() || !all) return std::nullopt;
  std::vector<sysfs::PciAddress> bus;
  for (const sysfs::PciAddress& one : *all) {
    if (Holds(sysfs::BridgesAbove(tree, one), above.back())) bus.push_back(one);
  }
  return bus;
}

}  // namespace

ResetFacts PredictReset(const sysfs::Tree& tree, const sysfs::PciAddress& device,
                        const ResetOwner& owner) {
  ResetFacts facts;
  facts.device = device;
  facts.methods = ReadResetMethods(tree, device);
  facts.own = facts.methods.function_level();
  if (facts.own) return facts;
  const auto bus = BusOf(tree, device);
  const bool alone = bus && bus->size() == 1;
  facts.own = facts.methods.Has("pm") || (facts.methods.Has("bus") && alone);
  if (!bus) return facts;
  facts.set.emplace();
  for (const sysfs::PciAddress& one : *bus) {
    facts.set->push_back({one, IsOurs(tree, one, owner)});
  }
  return facts;
}

std::vector<ResetScope> PredictResets(const sysfs::Tree& tree,
                                      std::span<const sysfs::PciAddress> devices) {
  const std::vector<sysfs::PciAddress> all(devices.begin(), devices.end());
  std::vector<ResetFacts> facts;
  for (const sysfs::PciAddress& device : devices)
    facts.push_back(PredictReset(tree, device, {all, all}));
  return PlanResets(facts);
}

base::Result<ResetFacts> AskReset(const sysfs::Tree& tree, const Device& device,
                                  const ResetOwner& owner) {
  ResetFacts facts;
  facts.device = device.address();
  facts.methods = ReadResetMethods(tree, facts.device);
  facts.own = device.resettable();
  if (facts.own && facts.methods.function_level()) return facts;
  const auto members = TRY(device.HotResetSet());
  if (!members) return facts;
  facts.set.emplace();
  for (const HotResetMember& member : *members) {
    facts.set->push_back({member.address, !member.foreign && IsOurs(tree, member.address, owner)});
  }
  return facts;
}

}  // namespace vfio
