#include "cli/devices/watch_look.h"

#include <algorithm>

#include "sysfs/assignment/assignment.h"
#include "sysfs/drivers.h"

namespace cli {

using sysfs::PciAddress;
using sysfs::PciDevice;

Watcher::Watcher(const sysfs::Tree& tree, std::optional<std::vector<PciAddress>> only,
                 sysfs::DeviceNumber number)
    : tree_(tree), only_(std::move(only)), number_(std::move(number)) {
  if (only_) std::sort(only_->begin(), only_->end());
}

bool Watcher::IsWatched(const PciAddress& address) const {
  return !only_ || std::binary_search(only_->begin(), only_->end(), address);
}

std::optional<PciDevice> Watcher::Read(const Snapshot& before, const PciAddress& address) const {
  auto brief = sysfs::ReadDevice(tree_, address, sysfs::Detail::kBrief);
  if (!brief) return std::nullopt;
  const auto old = before.find(address);
  if (old != before.end() && old->second.device.modalias == brief->modalias) {
    brief->revision = old->second.device.revision;
    brief->numa_node = old->second.device.numa_node;
    brief->sriov_totalvfs = old->second.device.sriov_totalvfs;
    return std::move(*brief);
  }
  auto device = sysfs::ReadDevice(tree_, address, sysfs::Detail::kUnlocked);
  if (!device) return std::nullopt;
  return std::move(*device);
}

void Watcher::Refresh(const Snapshot& before, const std::vector<PciAddress>& addresses,
                      Snapshot& after) {
  std::vector<PciDevice> devices;
  for (const PciAddress& address : addresses) {
    after.erase(address);
    if (!IsWatched(address)) continue;
    if (auto device = Read(before, address)) devices.push_back(std::move(*device));
  }
  // Shorter than a report would wait: the next look comes soon.
  reader_.Read(tree_, devices, {std::chrono::milliseconds(1000)});
  for (PciDevice& device : devices) {
    WatchedDevice& now = after[device.address];
    const auto old = before.find(device.address);
    if (old != before.end()) now.owner = old->second.owner;
    now.device = std::move(device);
  }
  KeepUnknown(before, after);
}

void Watcher::FindOwners(Snapshot& after) const {
  std::map<PciAddress, std::vector<std::string>> nodes;
  std::vector<std::string> all;
  for (auto& [address, now] : after) {
    now.owner.reset();
    const auto& driver = now.device.driver;
    if (!driver || !sysfs::IsVfioDriver(tree_, *driver)) continue;
    nodes[address] = sysfs::VfioNodes(tree_, now.device);
    all.insert(all.end(), nodes[address].begin(), nodes[address].end());
  }
  if (all.empty()) return;
  const Owners owners(tree_, all, number_);
  for (const auto& [address, own] : nodes) {
    WatchedDevice& now = after[address];
    now.owner = owners.Of(own);
    now.owner_known = now.owner || owners.sees_all();
  }
}

base::Result<Snapshot> Watcher::LookAtAll(const Snapshot& before) {
  const auto addresses = only_ ? *only_ : TRY(sysfs::ListDevices(tree_));
  Snapshot after;
  Refresh(before, addresses, after);
  FindOwners(after);
  KeepUnknown(before, after);
  return after;
}

Snapshot Watcher::LookAt(const Snapshot& before, std::span<const sysfs::DeviceEvent> events) {
  std::vector<PciAddress> addresses;
  for (const sysfs::DeviceEvent& event : events) {
    if (!event.address) continue;
    addresses.push_back(*event.address);
    const auto old = before.find(*event.address);
    if (old != before.end() && old->second.device.physfn)
      addresses.push_back(*old->second.device.physfn);
    const auto physfn =
        sysfs::LinkName(tree_, "/sys/bus/pci/devices/" + event.address->ToString() + "/physfn");
    const auto pf = PciAddress::Parse(physfn.value_or(""));
    if (pf) addresses.push_back(*pf);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  Snapshot after = before;
  Refresh(before, addresses, after);
  return after;
}

}  // namespace cli
