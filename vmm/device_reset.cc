#include "vmm/device_reset.h"

#include <algorithm>
#include <map>

#include "sysfs/answers.h"
#include "vfio/reset_facts.h"

namespace vmm {
namespace {

using assigned::AssignedDevice;
using vfio::ResetKind;
using vfio::ResetScope;

std::vector<sysfs::PciAddress> AddressesOf(const AssignedDevices& devices) {
  std::vector<sysfs::PciAddress> addresses;
  for (const auto& device : devices) addresses.push_back(device->address());
  return addresses;
}

// What is gone already is left alone: the kernel would wait a minute for its return.
base::Status Perform(const ResetScope& scope, const AssignedDevice& assigned,
                     const PreparedReset& reset) {
  const vfio::Device& device = assigned.host();
  const std::string name = device.address().ToString();
  if (!assigned.Answers())
    return base::Fail(base::Code::kKernel, name + ": did not answer before its reset");
  if (scope.kind == ResetKind::kFunction) return device.Reset();
  if (scope.kind == ResetKind::kNone)
    return base::Fail(base::Code::kUnsupported, name + ": " + scope.Text());
  return device.HotReset(reset.proofs.at(scope.device));
}

// What was done with each device; all of a set have their leader's result.
std::vector<base::Status> PerformAll(const PreparedReset& reset) {
  std::map<sysfs::PciAddress, base::Status> by_leader;
  for (size_t i = 0; i < reset.devices.size(); ++i) {
    const ResetScope& scope = reset.scopes[i];
    if (scope.leader == scope.device)
      by_leader[scope.device] = Perform(scope, *reset.devices[i], reset);
  }
  std::vector<base::Status> done;
  for (const ResetScope& scope : reset.scopes) {
    const base::Status& status = by_leader[scope.leader];
    const AssignedDevice& assigned = *reset.devices[done.size()];
    if (!status && scope.kind == ResetKind::kHot && assigned.host().resettable() &&
        assigned.Answers()) {
      done.push_back(assigned.host().Reset());  // by itself, when the whole set cannot be
    } else if (status || scope.leader == scope.device) {
      done.push_back(status);
    } else {
      done.push_back(base::Failure(base::Error(status.error()).With(scope.device.ToString())));
    }
  }
  return done;
}

}  // namespace

std::vector<ResetScope> PlanDeviceResets(const sysfs::Tree& tree, const AssignedDevices& devices,
                                         const AssignedDevices& all) {
  const vfio::ResetOwner owner = {AddressesOf(devices), AddressesOf(all)};
  std::vector<vfio::ResetFacts> facts;
  for (const auto& device : devices) {
    auto known = vfio::AskReset(tree, device->host(), owner);
    if (known) {
      facts.push_back(std::move(*known));
      continue;
    }
    base::Log(base::Level::kWarning, "{}", known.error().message());
    facts.push_back({device->address(), {}, device->host().resettable(), {}});
  }
  return vfio::PlanResets(facts);
}

PreparedReset PrepareReset(const sysfs::Tree& tree, const vfio::DmaSpace& space,
                           const AssignedDevices& devices, const AssignedDevices& all) {
  PreparedReset reset = {devices, PlanDeviceResets(tree, devices, all), {}};
  for (const ResetScope& scope : reset.scopes) {
    if (scope.kind != ResetKind::kHot || scope.leader != scope.device) continue;
    std::vector<sysfs::PciAddress> members = scope.together;
    members.push_back(scope.device);
    reset.proofs[scope.device] = space.HotResetProof(members);
  }
  return reset;
}

std::vector<LostDevice> PerformReset(const PreparedReset& reset, base::Limited& log) {
  const std::vector<base::Status> done = PerformAll(reset);
  std::vector<LostDevice> lost;
  for (size_t i = 0; i < reset.devices.size(); ++i) {
    const AssignedDevice& device = *reset.devices[i];
    if (base::Status back = reset.devices[i]->CheckAfterReset(); !back) {
      const base::Error& why = done[i] ? back.error() : done[i].error();
      lost.push_back({device.address(), base::Error(why).With("reset: " + reset.scopes[i].Text())});
    } else if (!done[i]) {
      log.Log(base::Level::kWarning, "{}: is not reset, and stays as the guest left it",
              done[i].error().message());
    }
  }
  return lost;
}

std::optional<LostDevice> CheckAfterClose(const sysfs::Tree& tree,
                                          const sysfs::PciAddress& device) {
  const std::string name = device.ToString();
  if (sysfs::Answers(tree, device)) return std::nullopt;
  return LostDevice{device,
                    base::Error(base::Code::kKernel,
                                name + ": did not come back from the machine: it reads as all ones")
                        .WithHint("switch its slot, or the host, off and on; until then give it to "
                                  "nobody")};
}

void TellLost(const LostDevice& lost) {
  base::Log(base::Level::kError, "{}\n  hint: {}", lost.why.message(), lost.why.hint());
}

}  // namespace vmm
