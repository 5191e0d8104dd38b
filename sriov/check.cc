#include "sriov/check.h"

#include <fmt/format.h>

#include <cerrno>

#include "sriov/fit.h"
#include "sysfs/assignment/unbind.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/strict_read.h"

namespace sriov {
namespace {

using sysfs::PciDevice;

// Whether the change takes the function away or takes it from its driver.
bool IsTouched(const PhysicalFunction& pf, const Goal& goal, const VirtualFunction& function) {
  if (Recreates(pf, goal)) return true;
  const PciDevice& device = function.device;
  switch (goal.drivers) {
    case Drivers::kKernel:
      return device.driver_override && device.driver;
    case Drivers::kNone:
      return device.driver.has_value();
    case Drivers::kVfio:
      return false;  // sysfs::PlanBinding looks
    case Drivers::kRecorded:
      return goal.record && function.index < goal.record->functions.size() && device.driver &&
             device.driver != goal.record->functions[function.index].driver;
  }
  return true;
}

base::Status CheckUse(const Host& host, const PhysicalFunction& pf, const Goal& goal,
                      const std::optional<sysfs::ForceSet>& force) {
  std::string text;
  std::vector<sysfs::PciAddress> touched;
  std::vector<base::Use> uses;
  sysfs::EvidenceFinder finder(host.assignment.tree, host.assignment.sources);
  for (const VirtualFunction& function : pf.functions) {
    if (!IsTouched(pf, goal, function)) continue;
    touched.push_back(function.device.address);
    const auto evidence = finder.Find(function.device);
    const base::Status free =
        sysfs::CheckEvidence(function.device.address, evidence, force, sysfs::Purpose::kGiveBack);
    if (free) continue;
    text += "\n" + free.error().message();
    uses.insert(uses.end(), free.error().uses().begin(), free.error().uses().end());
  }
  TRY(sysfs::CheckIdle(host.assignment, touched));
  if (text.empty()) return {};
  const std::string what =
      Recreates(pf, goal) && goal.count > 0
          ? fmt::format("going from {} to {} virtual functions takes all away first", pf.count,
                        goal.count)
          : "virtual functions are in use";
  const std::string address = pf.device.address.ToString();
  return base::Failure(base::Error(base::Code::kInUse, fmt::format("{}: {}{}", address, what, text))
                           .WithHint("vassign sriov show " + address)
                           .WithUses(std::move(uses)));
}

base::Status CheckDriver(const PhysicalFunction& pf, const Goal& goal) {
  if (pf.device.driver || !Recreates(pf, goal)) return {};
  return base::Failure(
      ExplainCount(base::Error(base::Code::kKernel, "not tried", ENOENT), pf.device, goal.count));
}

// The reset of a drive that the host works with would be felt. It comes also with a share that is
// given back when there are no functions any more.
base::Status CheckDrive(const Host& host, const PhysicalFunction& pf, const Goal& goal) {
  if (!Recreates(pf, goal) && pf.count != 0) return {};
  PhysicalFunction empty = pf;
  empty.count = 0;
  empty.functions.clear();
  auto steps = PlanPrimary(empty, goal);
  if (!steps) return base::Failure(std::move(steps.error()).With(pf.device.address.ToString()));
  if (steps->empty()) return {};
  PciDevice drive = pf.device;
  drive.sriov_numvfs.reset();
  const auto evidence = sysfs::FindEvidence(host.assignment.tree, drive, host.assignment.sources);
  base::Status free = sysfs::CheckEvidence(drive.address, evidence, std::nullopt);
  if (free) return {};
  return base::Failure(std::move(free.error())
                           .With("its queues are all its own; giving some away resets the drive"));
}

}  // namespace

base::Status CheckGoal(const Host& host, const PhysicalFunction& pf, const Goal& goal,
                       const std::optional<sysfs::ForceSet>& force) {
  if (goal.count > pf.total) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("{}: {} virtual functions are more than it can have ({})",
                                  pf.device.address.ToString(), goal.count, pf.total),
                      "vassign sriov show " + pf.device.address.ToString());
  }
  TRY(CheckDriver(pf, goal));
  // Before the functions are made: theirs will be the same.
  if (goal.drivers == Drivers::kVfio && goal.count > 0 && host.assignment.obstacles)
    TRY(host.assignment.obstacles(pf.device, false));
  TRY(CheckUse(host, pf, goal, force));
  if (Recreates(pf, goal)) TRY(CheckFit(ReadFit(host.assignment.tree, pf.device), goal.count));
  return CheckDrive(host, pf, goal);
}

base::Result<std::vector<sysfs::AssignmentPlan>> PlanReleases(
    const Host& host, const PhysicalFunction& pf, const Goal& goal,
    const std::optional<sysfs::ForceSet>& force) {
  std::vector<sysfs::AssignmentPlan> plans;
  if (!force || !force->contains(sysfs::ForceReason::kAssigned)) return plans;
  for (const VirtualFunction& function : pf.functions) {
    if (!IsTouched(pf, goal, function)) continue;
    auto plan = TRY(sysfs::PlanUnbinding(host.assignment, function.device.address));
    if (!plan.empty() && !plan.users.empty()) plans.push_back(std::move(plan));
  }
  return plans;
}

base::Result<bool> IsReached(const Host& host, const PhysicalFunction& pf, const Goal& goal) {
  if (Recreates(pf, goal)) return false;
  const bool probes = pf.autoprobe == false;
  const std::string machine_id = TRY(MachineId(host.assignment.tree));
  const bool is_settled =
      PlanTeardown(pf, goal).empty() && PlanAutoprobe(pf, goal.autoprobe, "").empty() &&
      TRY(PlanSettings(pf, goal, machine_id)).empty() && PlanDrivers(pf, goal, probes).empty();
  if (!is_settled) return false;
  if (goal.drivers == Drivers::kRecorded && pf.count == 0)
    return TRY(PlanPrimary(pf, goal)).empty();
  if (goal.drivers != Drivers::kVfio || pf.count == 0) return true;
  return TRY(sysfs::PlanBinding(host.assignment, VfioRequest(pf))).empty();
}

base::Result<std::string> MachineId(const sysfs::Tree& tree) {
  auto id = TRY(sysfs::ReadIfThere(tree, "/etc/machine-id"));
  // An image for many hosts has an empty one until it is booted.
  if (!id || id->empty()) id = TRY(sysfs::ReadIfThere(tree, "/sys/class/dmi/id/product_uuid"));
  return id.value_or(std::string());
}

sysfs::BindRequest VfioRequest(const PhysicalFunction& pf) {
  sysfs::BindRequest request;
  for (const VirtualFunction& one : pf.functions) request.devices.push_back(one.device.address);
  return request;
}

}  // namespace sriov
