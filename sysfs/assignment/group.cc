#include "sysfs/assignment/group.h"

#include <algorithm>

#include "sysfs/assignment/viability.h"
#include "sysfs/iommu_group.h"

namespace sysfs {
namespace {

void AddOnce(std::vector<PciAddress>& list, const PciAddress& address) {
  if (std::find(list.begin(), list.end(), address) == list.end()) list.push_back(address);
}

struct Requests {
  BindRequest parking;
  BindRequest binding;
};

base::Result<Requests> MakeRequests(const AssignmentHost& host, BindRequest request) {
  TRY(CheckRequest(request));
  GroupMembers members = TRY(ExpandGroups(host.tree, request.devices));
  Requests requests;
  requests.parking.devices = members.parked;
  requests.parking.driver = "pci-stub";
  requests.parking.force = request.force;
  requests.binding = std::move(request);
  requests.binding.devices = std::move(members.endpoints);
  requests.binding.parked = std::move(members.parked);
  return requests;
}

// The error of the bind, with what became of the bridges when that went wrong too.
base::Failure Unpark(AssignmentHost& host, const std::vector<AssignmentResult>& parked,
                     const FileLock& lock, base::Error error) {
  for (const AssignmentResult& one : parked) {
    if (!one.changed) continue;
    const auto back = Restore(host, one.address, lock);
    if (back) continue;
    std::string text = error.message() + "\n  not undone: " + back.error().message();
    error = base::Error(error.code(), std::move(text), error.err()).WithHint(error.hint());
  }
  return base::Failure(std::move(error));
}

}  // namespace

base::Result<GroupMembers> ExpandGroups(const Tree& tree, std::span<const PciAddress> devices) {
  GroupMembers members;
  for (const PciAddress& address : devices) AddOnce(members.endpoints, address);
  for (const PciAddress& address : devices) {
    const PciDevice device = TRY(ReadDevice(tree, address, Detail::kBrief));
    TRY(CheckViability(ReadViability(tree, device), {}, {ForceReason::kGroup}));
    const IommuGroup group = TRY(ReadGroup(tree, *device.iommu_group));
    for (const PciAddress& member : group.members) {
      const PciDevice other = TRY(ReadDevice(tree, member, Detail::kBrief));
      if (!other.is_bridge()) {
        AddOnce(members.endpoints, member);
      } else if (other.driver && !IsManagedDmaDriver(tree, *other.driver)) {
        AddOnce(members.parked, member);
      }
    }
  }
  return members;
}

base::Result<std::vector<AssignmentPlan>> PlanGroupBinding(const AssignmentHost& host,
                                                           BindRequest request) {
  const Requests requests = TRY(MakeRequests(host, std::move(request)));
  std::vector<AssignmentPlan> plans;
  if (!requests.parking.devices.empty()) plans.push_back(TRY(PlanBinding(host, requests.parking)));
  plans.push_back(TRY(PlanBinding(host, requests.binding)));
  return plans;
}

base::Result<std::vector<AssignmentResult>> BindGroup(AssignmentHost& host, BindRequest request) {
  TRY(host.journal.Prepare());
  const FileLock lock = TRY(TakeHostLock(host.journal.folder(), host.lock_patience));
  return BindGroup(host, std::move(request), lock);
}

base::Result<std::vector<AssignmentResult>> BindGroup(AssignmentHost& host, BindRequest request,
                                                      const FileLock& lock) {
  const Requests requests = TRY(MakeRequests(host, std::move(request)));
  // Every refusal comes before the first write.
  TRY(PlanBinding(host, requests.binding));
  std::vector<AssignmentResult> results;
  if (!requests.parking.devices.empty()) results = TRY(Bind(host, requests.parking, lock));
  auto bound = Bind(host, requests.binding, lock);
  if (!bound) return Unpark(host, results, lock, std::move(bound.error()));
  results.insert(results.end(), std::make_move_iterator(bound->begin()),
                 std::make_move_iterator(bound->end()));
  return results;
}

}  // namespace sysfs
