#include "sriov/change.h"

#include <fmt/format.h>

#include <algorithm>

#include "sriov/check.h"
#include "sriov/fit.h"
#include "sriov/reach.h"
#include "sysfs/base/text.h"

namespace sriov {
namespace {

using sysfs::Journal;
using sysfs::PciAddress;

Goal GoalOf(const SetRequest& request, const PhysicalFunction& pf,
            const std::optional<Record>& record) {
  Goal goal = {request.count, request.drivers, {}, {}, request.settings};
  const auto former = record ? record->autoprobe : pf.autoprobe;
  if (request.count == 0 || request.drivers == Drivers::kVfio) {
    goal.autoprobe = former;
  } else {
    goal.autoprobe = request.drivers == Drivers::kKernel;
  }
  return goal;
}

Goal GoalOf(const Record& record) {
  return {static_cast<unsigned>(record.functions.size()),
          Drivers::kRecorded,
          record.autoprobe,
          record,
          {}};
}

base::Result<std::optional<Record>> FindOwnRecord(const Journal& journal,
                                                  const PhysicalFunction& pf) {
  auto record = TRY(FindRecord(journal, pf.device.address));
  if (record) TRY(CheckRecord(journal, *record, pf.device));
  return record;
}

std::vector<std::string> NotesOn(const sysfs::Tree& tree, const PhysicalFunction& pf) {
  if (pf.count == 0 || pf.interface.empty()) return {};
  const auto flags = sysfs::ReadHex(tree, fmt::format("/sys/class/net/{}/flags", pf.interface));
  if (!flags || (*flags & 1) != 0) return {};  // IFF_UP
  return {fmt::format("{0} is down: its functions have no link until ip link set {0} up",
                      pf.interface)};
}

// What PlanDrivers and sysfs::Bind will do, for functions that are not there yet.
std::vector<std::string> DescribeLater(const PhysicalFunction& pf, const Goal& goal) {
  std::vector<std::string> later;
  if (goal.count == 0) return later;
  later.push_back("wait until udev has announced each of them");
  if (pf.primary)
    later.emplace_back("give each its queues and interrupts, reset it and set it online");
  if (!pf.interface.empty())
    later.emplace_back("give each that has none a MAC address that stays the same at every boot");
  for (const auto& [index, settings] : goal.settings) {
    std::string wanted = sriov::Format(settings.attributes);
    if (settings.msix_count) wanted += fmt::format(" MSI-X vectors {}", *settings.msix_count);
    later.push_back(fmt::format("function {}: {}", index, base::Trim(wanted)));
  }
  switch (goal.drivers) {
    case Drivers::kKernel:
      later.emplace_back("offer them to the host's drivers");
      break;
    case Drivers::kNone:
      later.emplace_back("leave them without a driver");
      break;
    case Drivers::kVfio:
      later.emplace_back("bind them to vfio-pci, as vassign bind does");
      break;
    case Drivers::kRecorded:
      later.emplace_back("give them the attributes and drivers of the record");
      break;
  }
  return later;
}

base::Result<SetPlan> Preview(const Host& host, PhysicalFunction pf, const Goal& goal) {
  SetPlan plan;
  plan.pf = pf;
  const auto append = [&](const Steps& steps) {
    plan.steps.insert(plan.steps.end(), steps.begin(), steps.end());
  };
  const bool probes = pf.autoprobe == false;
  append(PlanTeardown(pf, goal));
  if (Recreates(pf, goal)) {
    pf.count = 0;
    pf.functions.clear();
    append(TRY(PlanPrimary(pf, goal)));
    append(PlanCreate(pf, goal));
    plan.later = DescribeLater(pf, goal);
    return plan;
  }
  if (pf.count == 0 && goal.drivers == Drivers::kRecorded) append(TRY(PlanPrimary(pf, goal)));
  const std::string machine_id = TRY(MachineId(host.assignment.tree));
  append(TRY(PlanSettings(pf, goal, machine_id)));
  if (goal.drivers == Drivers::kVfio && pf.count > 0) {
    const auto binding = TRY(sysfs::PlanBinding(host.assignment, VfioRequest(pf)));
    for (const sysfs::Change& change : binding.changes) plan.steps.emplace_back(change);
  }
  append(PlanAutoprobe(pf, goal.autoprobe, "as it is to stay"));
  append(PlanDrivers(pf, goal, probes));
  return plan;
}

// The failure, and what became of the way back.
base::Failure PutBack(Session& session, const PhysicalFunction& before, base::Error cause,
                      bool had_record) {
  const Journal& journal = session.host().assignment.journal;
  session.BeginUndo();
  const base::Status undone = Reach(session, GoalOf(MakeRecord(before, journal.boot_id())));
  std::string text = cause.message();
  if (undone) {
    session.PutBackRecords();
    // A record too many restores what is there already.
    if (!had_record) (void)RemoveRecord(journal, before.device.address);
    text += "; the former virtual functions were put back";
  } else {
    text += fmt::format("; putting the former virtual functions back failed too: {}",
                        undone.error().message());
    cause = std::move(cause).WithHint("vassign restore " + before.device.address.ToString());
  }
  return base::Failure(
      base::Error(cause.code(), std::move(text), cause.err()).WithHint(cause.hint()));
}

bool MayUndo(const base::Error& error) {
  return error.code() != base::Code::kTimedOut && error.code() != base::Code::kPartial;
}

// The record says no more than what is so again.
bool IsSpent(const Record& record, const PhysicalFunction& pf) {
  return record.functions.empty() && pf.count == 0 && record.autoprobe == pf.autoprobe &&
         (!record.primary || !pf.primary ||
          *record.primary ==
              NvmePrimaryShare{pf.primary->queues.primary, pf.primary->interrupts.primary});
}

base::Result<Outcome> Finish(Session& session, PhysicalFunction before) {
  Outcome outcome;
  outcome.before = std::move(before);
  outcome.after = TRY(session.Read());
  outcome.changed = true;
  outcome.notes = NotesOn(session.host().assignment.tree, outcome.after);
  return outcome;
}

// Functions that went from vfio-pci by this change are no longer to be restored by themselves.
base::Status ForgetReleased(Session& session, const PhysicalFunction& before,
                            const PhysicalFunction& after) {
  if (before.count != after.count) return {};
  std::vector<VirtualFunction> released;
  for (size_t i = 0; i < after.functions.size() && i < before.functions.size(); ++i) {
    if (before.functions[i].device.driver_override && !after.functions[i].device.driver_override)
      released.push_back(after.functions[i]);
  }
  return session.DropRecords(released);
}

// A run that was killed between the end of the functions and that of their records left these.
base::Status ForgetGone(const Host& host, const PhysicalFunction& pf) {
  const Journal& journal = host.assignment.journal;
  const FitFacts facts = ReadFit(host.assignment.tree, pf.device);
  const PciAddress& own = pf.device.address;
  for (const PciAddress& address : TRY(journal.List())) {
    const unsigned first = own.routing_id() + facts.offset;
    const unsigned last = first + facts.stride * (std::max(pf.total, 1u) - 1);
    const bool is_ours = facts.offset != 0 && address.domain == own.domain &&
                         address.routing_id() >= first && address.routing_id() <= last;
    if (!is_ours || host.assignment.tree.Exists("/sys/bus/pci/devices/" + address.ToString()))
      continue;
    TRY(journal.Remove(address));
  }
  return {};
}

// What processes have is asked back, while it is clear who is waited for.
base::Status Release(Session& session, const PhysicalFunction& pf, const Goal& goal,
                     const std::optional<sysfs::ForceSet>& force) {
  base::Status status = session.UnbindAll(TRY(PlanReleases(session.host(), pf, goal, force)));
  if (status || status.error().code() != base::Code::kTimedOut) return status;
  return base::Failure(
      std::move(status.error())
          .WithHint(fmt::format("when that process has ended the write ends by itself, and vassign "
                                "restore {} does the rest",
                                pf.device.address.ToString())));
}

}  // namespace

base::Result<SetPlan> PlanSet(Host& host, const SetRequest& request) {
  TRY(sysfs::CheckIdle(host.assignment, {request.pf}));
  Session session(host, request.pf);
  const PhysicalFunction pf = TRY(session.Read());
  const auto record = TRY(FindOwnRecord(host.assignment.journal, pf));
  const Goal goal = GoalOf(request, pf, record);
  TRY(CheckGoal(host, pf, goal));
  return Preview(host, pf, goal);
}

base::Result<Outcome> SetFunctions(Host& host, const SetRequest& request,
                                   const sysfs::FileLock* held) {
  const Journal& journal = host.assignment.journal;
  Session session(host, request.pf);
  TRY(session.Lock(request.count, held));
  PhysicalFunction before = TRY(session.Read());
  const auto record = TRY(FindOwnRecord(journal, before));
  const Goal goal = GoalOf(request, before, record);
  TRY(CheckGoal(host, before, goal));
  if (TRY(IsReached(host, before, goal)))
    return Outcome{before, before, false, NotesOn(host.assignment.tree, before)};
  const Record present = MakeRecord(before, journal.boot_id());
  if (!record) TRY(StoreRecord(journal, present));
  base::Status status = Reach(session, goal);
  if (!status) {
    if (!MayUndo(status.error())) return base::Failure(std::move(status.error()));
    return PutBack(session, before, std::move(status.error()), record.has_value());
  }
  Outcome outcome = TRY(Finish(session, std::move(before)));
  TRY(ForgetReleased(session, outcome.before, outcome.after));
  if (IsSpent(record.value_or(present), outcome.after)) TRY(RemoveRecord(journal, request.pf));
  return outcome;
}

base::Result<std::optional<SetPlan>> PlanRestore(Host& host, const PciAddress& pf,
                                                 const std::optional<sysfs::ForceSet>& force) {
  TRY(sysfs::CheckIdle(host.assignment, {pf}));
  const auto record = TRY(FindRecord(host.assignment.journal, pf));
  if (!record) return std::optional<SetPlan>();
  Session session(host, pf);
  const PhysicalFunction now = TRY(session.Read());
  TRY(CheckRecord(host.assignment.journal, *record, now.device));
  const Goal goal = GoalOf(*record);
  TRY(CheckGoal(host, now, goal, force));
  SetPlan plan = TRY(Preview(host, now, goal));
  Steps releases;
  for (const sysfs::AssignmentPlan& one : TRY(PlanReleases(host, now, goal, force)))
    releases.insert(releases.end(), one.changes.begin(), one.changes.end());
  plan.steps.insert(plan.steps.begin(), releases.begin(), releases.end());
  return std::optional<SetPlan>(std::move(plan));
}

base::Result<std::optional<Outcome>> Restore(Host& host, const PciAddress& pf,
                                             const sysfs::FileLock* held,
                                             const std::optional<sysfs::ForceSet>& force) {
  const Journal& journal = host.assignment.journal;
  if (!TRY(FindRecord(journal, pf))) return std::optional<Outcome>();
  Session session(host, pf);
  TRY(session.Lock(0, held));
  const auto record = TRY(FindRecord(journal, pf));
  if (!record) return std::optional<Outcome>();
  const auto before = session.Read();
  if (!before && before.error().code() == base::Code::kNotFound) {
    TRY(RemoveRecord(journal, pf));
    Outcome gone;
    gone.notes.emplace_back("the device is gone; the record of its virtual functions is removed");
    return std::optional<Outcome>(std::move(gone));
  }
  if (!before) return base::Failure(before.error());
  TRY(CheckRecord(journal, *record, before->device));
  const Goal goal = GoalOf(*record);
  TRY(CheckGoal(host, *before, goal, force));
  const bool is_so = TRY(IsReached(host, *before, goal));
  TRY(Release(session, *before, goal, force));
  if (!is_so) TRY(Reach(session, goal));
  TRY(ForgetGone(host, *before));
  TRY(RemoveRecord(journal, pf));
  Outcome outcome = TRY(Finish(session, *before));
  outcome.changed = !is_so;
  return std::optional<Outcome>(std::move(outcome));
}

}  // namespace sriov
