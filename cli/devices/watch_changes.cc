#include "cli/devices/watch_changes.h"

namespace cli {
namespace {

using sysfs::PciDevice;

bool IsSameDevice(const PciDevice& one, const PciDevice& other) {
  return one.vendor == other.vendor && one.device == other.device &&
         one.subsystem_vendor == other.subsystem_vendor &&
         one.subsystem_device == other.subsystem_device && one.class_code == other.class_code;
}

void Compare(const WatchedDevice& before, const WatchedDevice& after,
             std::vector<Change>& changes) {
  const PciDevice& old = before.device;
  const PciDevice& now = after.device;
  const auto add = [&](ChangeKind kind, bool differs) {
    if (differs) changes.push_back({kind, before, after});
  };
  const bool locked = old.busy || now.busy;
  add(ChangeKind::kUnbound, old.driver && old.driver != now.driver);
  add(ChangeKind::kOverride, !locked && old.driver_override != now.driver_override);
  add(ChangeKind::kBound, now.driver && old.driver != now.driver);
  add(ChangeKind::kFunctions, !locked && old.sriov_numvfs != now.sriov_numvfs);
  add(ChangeKind::kGroup, old.iommu_group != now.iommu_group);
  add(ChangeKind::kOwner, before.owner_known && after.owner_known && before.owner != after.owner);
}

}  // namespace

std::string_view Name(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kPresent:
      return "present";
    case ChangeKind::kAdded:
      return "added";
    case ChangeKind::kRemoved:
      return "removed";
    case ChangeKind::kBound:
      return "bound";
    case ChangeKind::kUnbound:
      return "unbound";
    case ChangeKind::kOverride:
      return "override";
    case ChangeKind::kFunctions:
      return "functions";
    case ChangeKind::kGroup:
      return "group";
    case ChangeKind::kOwner:
      return "owner";
  }
  return "present";
}

std::vector<Change> FindChanges(const Snapshot& before, const Snapshot& after) {
  std::vector<Change> changes;
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    const bool is_gone = now == after.end() || (old != before.end() && old->first < now->first);
    const bool is_new = old == before.end() || (now != after.end() && now->first < old->first);
    if (is_gone) {
      changes.push_back({ChangeKind::kRemoved, old->second, std::nullopt});
    } else if (is_new) {
      changes.push_back({ChangeKind::kAdded, std::nullopt, now->second});
    } else if (IsSameDevice(old->second.device, now->second.device)) {
      Compare(old->second, now->second, changes);
    } else {
      changes.push_back({ChangeKind::kRemoved, old->second, std::nullopt});
      changes.push_back({ChangeKind::kAdded, std::nullopt, now->second});
    }
    if (!is_new) ++old;
    if (!is_gone) ++now;
  }
  return changes;
}

Snapshot Between(const Snapshot& before, std::span<const sysfs::DeviceEvent> events) {
  Snapshot between = before;
  for (const sysfs::DeviceEvent& event : events) {
    if (!event.address) continue;
    if (event.action == "remove") between.erase(*event.address);
    const auto found = between.find(*event.address);
    if (event.action == "unbind" && found != between.end()) found->second.device.driver.reset();
  }
  return between;
}

void KeepUnknown(const Snapshot& before, Snapshot& after) {
  for (auto& [address, now] : after) {
    const auto old = before.find(address);
    if (old == before.end() || !IsSameDevice(old->second.device, now.device)) continue;
    if (now.device.busy && !old->second.device.busy) {
      now.device.driver_override = old->second.device.driver_override;
      now.device.sriov_numvfs = old->second.device.sriov_numvfs;
      now.device.busy = false;
    }
    if (!now.owner_known && old->second.owner_known) {
      now.owner = old->second.owner;
      now.owner_known = true;
    }
  }
}

}  // namespace cli
