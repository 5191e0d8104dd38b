#include "vmm/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "vmm/plan.h"
#include "vmm/standby_plan.h"

namespace vmm {
namespace {

constexpr uint8_t kLastSlot = 31;
constexpr uint64_t kLargestBelowPort = 512 * base::kMiB;

class FreeSlots {
 public:
  explicit FreeSlots(const Options& options) {
    for (const AssignRequest& request : options.assign) {
      if (request.guest_slot) taken_.insert(*request.guest_slot);
    }
  }
  std::optional<uint8_t> Take() {
    while (taken_.contains(next_)) ++next_;
    if (next_ > kLastSlot) return std::nullopt;
    taken_.insert(next_);
    return next_++;
  }

 private:
  std::set<uint8_t> taken_{0};
  uint8_t next_ = 1;
};

sysfs::PciAddress FirstFunction(sysfs::PciAddress address) {
  address.function = 0;
  return address;
}

// Functions of one host device, of which the first is function 0; virtual functions are devices of
// their own.
bool SharesCard(const HostDevice& device, const std::vector<HostDevice>& all) {
  if (device.device.physfn || device.device.address.function == 0) return false;
  const sysfs::PciAddress first = FirstFunction(device.device.address);
  return std::any_of(all.begin(), all.end(), [&](const HostDevice& other) {
    return other.device.address == first && !other.device.physfn && FitsBehindPort(other);
  });
}

// Of the device of this kind and number: what it serves for, or disk0.
std::string IdOf(const Options& options, std::string_view kind, size_t index) {
  for (const Fallback& one : options.fallbacks) {
    const std::string_view its_kind = one.kind == FallbackKind::kDisk ? "disk" : "net";
    if (its_kind == kind && one.index == index) return one.id;
  }
  return fmt::format("{}{}", kind, index);
}

base::Status CheckIds(const Topology& topology) {
  std::set<std::string_view> ids;
  for (const PlannedDevice& one : topology.devices) ids.insert(one.id);
  for (const PlannedEmulated& one : topology.emulated) {
    if (ids.insert(one.id).second) continue;
    return base::Fail(base::Code::kUsage,
                      fmt::format("id={}: is the name of an emulated device", one.id),
                      "give the assigned device another id");
  }
  return {};
}

std::vector<PlannedEmulated> EmulatedOf(const Options& options) {
  std::vector<PlannedEmulated> all;
  std::map<std::string_view, size_t> counts;
  const auto add = [&](EmulatedRequest request) {
    const std::string_view kind = KindOf(request).name;
    const size_t index = counts[kind]++;
    all.push_back({std::move(request), 0, IdOf(options, kind, index)});
  };
  for (const virtio::BlkOptions& disk : options.disks) add(disk);
  for (const virtio::NetOptions& net : options.nets) add(net);
  if (options.rng) add(RngOptions{});
  if (options.balloon) add(*options.balloon);
  if (options.virtio_console) add(ConsoleRequest{});
  return all;
}

}  // namespace

std::string IdOf(const AssignRequest& request) {
  return request.id.empty() ? request.host.ToString() : request.id;
}

bool FitsBehindPort(const HostDevice& device) {
  return std::none_of(device.bars.begin(), device.bars.end(), [](const sysfs::PciBar& bar) {
    return bar.index < sysfs::PciBar::kRom && bar.is_64_bit() && !bar.is_prefetchable() &&
           bar.size > kLargestBelowPort;
  });
}

bool NeedsToken(const std::vector<PlannedDevice>& devices) {
  return std::any_of(devices.begin(), devices.end(),
                     [](const PlannedDevice& one) { return one.vf_token.has_value(); });
}

base::Result<Topology> PlanTopology(const Options& options,
                                    const std::vector<HostDevice>& devices) {
  Topology topology;
  FreeSlots free(options);
  const auto take = [&]() -> base::Result<uint8_t> {
    if (const auto slot = free.Take()) return *slot;
    return base::Fail(base::Code::kUsage, "more than 31 devices and hot-plug ports on one bus",
                      "assign fewer devices to this machine");
  };
  const auto add_port = [&](uint8_t slot) {
    topology.ports.push_back({slot, static_cast<uint8_t>(topology.ports.size() + 1)});
  };
  std::map<sysfs::PciAddress, uint8_t> cards;  // by function 0
  std::vector<size_t> later;                   // other functions of a card
  for (size_t i = 0; i < devices.size(); ++i) {
    const HostDevice& device = devices[i];
    PlannedDevice planned = {device.device.address,
                             0,
                             false,
                             0,
                             device.device.modalias,
                             IdOf(options.assign[i]),
                             options.assign[i].config,
                             options.assign[i].rom,
                             options.assign[i].vf_token,
                             IsPrimary(options, options.assign[i])};
    const auto wanted = options.assign[i].guest_slot;
    planned.behind_port = !wanted && FitsBehindPort(device);
    if (planned.behind_port && SharesCard(device, devices)) {
      later.push_back(i);
    } else {
      planned.guest_slot = wanted ? *wanted : TRY(take());
      if (planned.behind_port) add_port(planned.guest_slot);
      if (planned.behind_port) cards[planned.host] = planned.guest_slot;
    }
    topology.devices.push_back(std::move(planned));
  }
  for (const size_t i : later) {
    PlannedDevice& planned = topology.devices[i];
    const auto card = cards.find(FirstFunction(planned.host));
    planned.function = card == cards.end() ? 0 : planned.host.function;
    planned.guest_slot = card == cards.end() ? TRY(take()) : card->second;
    if (card == cards.end()) add_port(planned.guest_slot);
  }
  for (PlannedEmulated& planned : EmulatedOf(options)) {
    planned.guest_slot = TRY(take());
    add_port(planned.guest_slot);
    topology.emulated.push_back(std::move(planned));
  }
  TRY(CheckIds(topology));
  for (unsigned i = 0; i < options.hotplug_ports; ++i) add_port(TRY(take()));
  return topology;
}

}  // namespace vmm
