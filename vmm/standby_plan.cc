#include "vmm/standby_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vmm/plan.h"

namespace vmm {
namespace {

using base::Code;
using base::Fail;

constexpr uint8_t kNetwork = 0x02;

base::Status CheckPrimary(const virtio::NetOptions& net, const AssignRequest& request,
                          const HostDevice& host) {
  const std::string name = fmt::format("standby={}", net.standby);
  if (request.guest_slot)
    return Fail(Code::kUsage, name + ": addr= leaves it on the guest's bus 0 for good",
                "leave out addr=: it has to come and go");
  if (request.fallback)
    return Fail(Code::kUsage, name + ": has fallback= too", "leave it out: the standby serves");
  if (host.device.base_class() != kNetwork)
    return Fail(Code::kUnfit,
                fmt::format("{}: {} is no network device", name, request.host.ToString()));
  return {};
}

}  // namespace

bool IsPrimary(const Options& options, const AssignRequest& request) {
  return std::any_of(options.nets.begin(), options.nets.end(), [&](const auto& net) {
    return !net.standby.empty() && net.standby == IdOf(request);
  });
}

base::Status CheckStandby(const Options& options, const HostSnapshot& host) {
  std::set<std::string> taken;
  for (const virtio::NetOptions& net : options.nets) {
    if (net.standby.empty()) continue;
    if (!taken.insert(net.standby).second)
      return Fail(Code::kUsage,
                  fmt::format("standby={}: two network devices stand by", net.standby));
    const auto primary =
        std::find_if(options.assign.begin(), options.assign.end(),
                     [&](const AssignRequest& one) { return IdOf(one) == net.standby; });
    if (primary == options.assign.end()) {
      return Fail(Code::kUsage,
                  fmt::format("standby={}: no assigned device has this id", net.standby),
                  fmt::format("--assign DEV,id={}", net.standby));
    }
    TRY(CheckPrimary(net, *primary,
                     host.devices.at(static_cast<size_t>(primary - options.assign.begin()))));
  }
  return {};
}

std::vector<StandbyPair> PlanStandby(const Options& options, const HostSnapshot& host,
                                     const Topology& topology) {
  std::vector<StandbyPair> pairs;
  for (const PlannedEmulated& emulated : topology.emulated) {
    const auto* const net = std::get_if<virtio::NetOptions>(&emulated.request);
    if (net == nullptr || net->standby.empty() || !net->mac) continue;
    for (size_t i = 0; i < topology.devices.size(); ++i) {
      const PlannedDevice& device = topology.devices[i];
      if (device.id != net->standby) continue;
      pairs.push_back(
          {emulated.id, *net->mac, options.assign[i], host.devices[i].device.physfn.has_value()});
    }
  }
  return pairs;
}

}  // namespace vmm
