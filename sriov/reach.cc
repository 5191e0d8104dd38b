#include "sriov/reach.h"

#include <fmt/format.h>

#include "sriov/await.h"
#include "sriov/check.h"
#include "sriov/fit.h"

namespace sriov {
namespace {

base::Status TakeAway(Session& session, const PhysicalFunction& pf, const Goal& goal) {
  base::Status status = session.Perform(PlanTeardown(pf, goal), pf.functions);
  if (!status) return base::Failure(ExplainCount(std::move(status.error()), pf.device, 0));
  if (Recreates(pf, goal)) return session.DropRecords(pf.functions);
  return {};
}

// The new functions, known to the kernel and to udev.
base::Result<PhysicalFunction> Create(Session& session, const Goal& goal) {
  Host& host = session.host();
  PhysicalFunction pf = TRY(session.Read());
  const Steps primary = TRY(PlanPrimary(pf, goal));
  TRY(session.Perform(primary));
  if (!primary.empty()) TRY(session.AwaitDrive());
  const Steps create = PlanCreate(pf, goal);
  if (create.empty()) return session.Read();
  const Watch watch = host.watch ? TRY(host.watch()) : Watch();
  base::Status status = session.Perform(create);
  if (!status) return base::Failure(ExplainCount(std::move(status.error()), pf.device, goal.count));
  pf = TRY(session.Read());
  if (pf.count == 0) {
    return base::Fail(base::Code::kKernel,
                      fmt::format("{}: the write was accepted, but no virtual function came",
                                  pf.device.address.ToString()),
                      "dmesg | tail shows the driver's own words");
  }
  TRY(AwaitFunctions(host.assignment.tree, session.pf(), pf.count, watch, session.deadline(),
                     host.progress));
  return session.Read();
}

base::Status GiveDrivers(Session& session, const PhysicalFunction& pf, const Goal& goal,
                         bool probes) {
  const Steps autoprobe =
      PlanAutoprobe(pf, goal.autoprobe,
                    goal.autoprobe == true ? "let the host's drivers take new functions again"
                                           : "keep the host's drivers off new functions");
  if (goal.drivers == Drivers::kVfio) {
    TRY(session.BindAll(pf));
    return session.Perform(autoprobe);
  }
  TRY(session.Perform(autoprobe));
  return session.Perform(PlanDrivers(pf, goal, probes), pf.functions);
}

}  // namespace

base::Status Reach(Session& session, const Goal& goal) {
  PhysicalFunction pf = TRY(session.Read());
  const bool probes = Recreates(pf, goal) || pf.autoprobe == false;
  TRY(TakeAway(session, pf, goal));
  pf = TRY(Create(session, goal));
  const std::string machine_id = TRY(MachineId(session.host().assignment.tree));
  TRY(session.Perform(TRY(PlanSettings(pf, goal, machine_id)), pf.functions));
  TRY(GiveDrivers(session, pf, goal, probes));
  if (pf.count == goal.count) return {};
  return base::Fail(base::Code::kPartial,
                    fmt::format("{}: of {} virtual functions its driver enabled {}",
                                pf.device.address.ToString(), goal.count, pf.count),
                    "dmesg | tail shows the driver's own words");
}

}  // namespace sriov
