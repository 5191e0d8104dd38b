#include "vmm/device_reset.h"

#include <map>

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
                     const vfio::DmaSpace& space) {
  const vfio::Device& device = assigned.host();
  const std::string name = device.address().ToString();
  if (!assigned.Answers())
    return base::Fail(base::Code::kKernel, name + ": did not answer before its reset");
  if (scope.kind == ResetKind::kFunction) return device.Reset();
  if (scope.kind == ResetKind::kNone)
    return base::Fail(base::Code::kUnsupported, name + ": " + scope.Text());
  std::vector<sysfs::PciAddress> members = scope.together;
  members.push_back(scope.device);
  return device.HotReset(space.HotResetProof(members));
}

// What was done with each device; all of a set have their leader's result.
std::vector<base::Status> PerformAll(const std::vector<ResetScope>& scopes,
                                     const AssignedDevices& devices, const vfio::DmaSpace& space) {
  std::map<sysfs::PciAddress, base::Status> by_leader;
  for (size_t i = 0; i < devices.size(); ++i) {
    if (scopes[i].leader == scopes[i].device)
      by_leader[scopes[i].device] = Perform(scopes[i], *devices[i], space);
  }
  std::vector<base::Status> done;
  for (const ResetScope& scope : scopes) {
    const base::Status& status = by_leader[scope.leader];
    if (status || scope.leader == scope.device) {
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

std::vector<LostDevice> ResetDevices(const sysfs::Tree& tree, const vfio::DmaSpace& space,
                                     const AssignedDevices& devices, const AssignedDevices& all,
                                     base::Limited& log) {
  const std::vector<ResetScope> scopes = PlanDeviceResets(tree, devices, all);
  const std::vector<base::Status> done = PerformAll(scopes, devices, space);
  std::vector<LostDevice> lost;
  for (size_t i = 0; i < devices.size(); ++i) {
    if (base::Status back = devices[i]->CheckAfterReset(); !back) {
      const base::Error& why = done[i] ? back.error() : done[i].error();
      lost.push_back({devices[i]->address(), base::Error(why).With("reset: " + scopes[i].Text())});
    } else if (!done[i]) {
      log.Log(base::Level::kWarning, "{}: is not reset, and stays as the guest left it",
              done[i].error().message());
    }
  }
  return lost;
}

}  // namespace vmm
