#include "cli/declared/apply.h"

#include <fmt/format.h>

#include "cli/declared/undo.h"
#include "sysfs/assignment/group.h"

namespace cli {
namespace {

using sysfs::Journal;

constexpr std::string_view kLeft = "left: it could not be undone";
constexpr std::string_view kRestores = "vassign restore gives it back when it can be had again";

base::Failure AwaitsConfirmation(const Transaction& transaction) {
  const uint64_t now = MillisecondsSinceBoot();
  const uint64_t left = transaction.deadline > now ? transaction.deadline - now : 0;
  return base::Fail(
      base::Code::kLocked,
      fmt::format("an apply waits to be confirmed and is undone in {} s", (left + 999) / 1000),
      "vassign confirm keeps it");
}

// The host lock is ours: whoever made this transaction is dead or waits.
base::Status FinishFormer(DeclaredHost& host, const ApplyRequest& request,
                          const sysfs::FileLock& lock, std::vector<std::string>& notes) {
  const auto former = TRY(FindTransaction(host.assignment().journal));
  if (!former) return {};
  if (former->phase == Phase::kWaiting && MillisecondsSinceBoot() < former->deadline)
    return AwaitsConfirmation(*former);
  base::Status undone = Undo(host, *former, lock, "undone: it was killed");
  // One with a guard has somebody who tries again.
  if (!undone && request.leaves && !former->confirm) {
    notes.push_back(fmt::format("left behind by the apply of pid {}: {}; {}", former->pid,
                                undone.error().message(), kRestores));
    return EndTransaction(host.assignment().journal, kLeft);
  }
  TRY(std::move(undone));
  notes.push_back(fmt::format("undone first: what the apply of pid {} left behind", former->pid));
  return {};
}

Pinned PinsOf(const DeclaredPlan& plan, const Pinned& known) {
  Pinned pins;
  for (const EntryPlan& entry : plan.entries) {
    const auto found = known.find(entry.entry.name);
    const auto pin = found == known.end() ? std::nullopt : std::optional(found->second);
    pins.emplace(entry.entry.name, Combine(entry.found->device.identity, pin));
  }
  return pins;
}

std::map<std::string, NodeState> NodesOf(const DeclaredPlan& plan) {
  std::map<std::string, NodeState> nodes;
  for (const EntryPlan& entry : plan.entries) {
    for (const AccessChange& change : entry.access) nodes.emplace(change.node, change.from);
  }
  return nodes;
}

base::Result<EntryOutcome> Perform(DeclaredHost& host, const EntryPlan& plan,
                                   const sysfs::FileLock& lock) {
  const Entry& entry = plan.entry;
  EntryOutcome outcome = {entry.name, plan.found->device.address};
  outcome.changed = !plan.empty();
  sysfs::AssignmentHost& assignment = host.assignment();
  if (entry.driver) {
    const auto request = BindingOf(entry, outcome.address);
    outcome.devices = TRY(entry.group ? sysfs::BindGroup(assignment, request, lock)
                                      : sysfs::Bind(assignment, request, lock));
  }
  if (entry.functions) {
    outcome.functions =
        TRY(sriov::SetFunctions(host.sriov, FunctionsOf(entry, outcome.address), &lock));
  }
  if (entry.access) {
    TRY(Perform(host.nodes,
                TRY(PlanAccess(host.nodes, *entry.access, TRY(AccessNodes(host, plan))))));
  }
  return outcome;
}

// The failure, and what became of the way back.
base::Failure UndoAfter(DeclaredHost& host, const ApplyRequest& request,
                        const Transaction& transaction, const sysfs::FileLock& lock,
                        const Entry& entry, base::Error cause) {
  std::string text = fmt::format("{}: {}: {}", entry.place, entry.name, cause.message());
  std::string hint = cause.hint();
  // Whoever leaves it to nobody tries nevertheless: time is over for what does not hang, too.
  if (cause.code() == base::Code::kTimedOut && !request.leaves) {
    text += "; a write is still under way: nothing was undone yet";
    if (hint.empty()) hint = "vassign apply undoes it when that write has ended";
  } else if (const base::Status undone = Undo(host, transaction, lock, "undone: a step failed");
             undone) {
    text += "; all that was done before is undone";
  } else {
    text += "; " + undone.error().message();
    if (request.leaves) {
      const base::Status left = EndTransaction(host.assignment().journal, kLeft);
      text += left ? "; it is left so" : "; " + left.error().message();
      if (hint.empty()) hint = kRestores;
    }
  }
  return base::Failure(base::Error(cause.code(), std::move(text), cause.err())
                           .WithHint(std::move(hint))
                           .WithUses(cause.uses()));
}

base::Result<ApplyOutcome> Unchanged(DeclaredHost& host, const DeclaredPlan& plan,
                                     const Pinned& pins, std::vector<std::string> notes) {
  TRY(StorePins(host, pins));
  ApplyOutcome outcome = {{}, std::move(notes), false, 0};
  for (const EntryPlan& entry : plan.entries)
    outcome.entries.push_back({entry.entry.name, entry.found->device.address});
  return outcome;
}

}  // namespace

base::Result<ApplyOutcome> Apply(DeclaredHost& host, const Config& config,
                                 const ApplyRequest& request) {
  const Journal& journal = host.assignment().journal;
  TRY(journal.Prepare());
  const sysfs::FileLock lock =
      TRY(sysfs::TakeHostLock(journal.folder(), host.assignment().lock_patience));
  std::vector<std::string> notes;
  TRY(FinishFormer(host, request, lock, notes));
  const DeclaredPlan plan = TRY(PlanDeclared(host, config, request.selection));
  notes.insert(notes.end(), plan.notes.begin(), plan.notes.end());
  const Pinned pins = PinsOf(plan, TRY(host.pins.Read()));
  if (plan.empty()) return Unchanged(host, plan, pins, std::move(notes));

  Transaction transaction = {journal.boot_id(), request.pid, Phase::kApplying,
                             request.confirm,   0,           TRY(Snapshot(host, plan)),
                             NodesOf(plan),     pins};
  TRY(StoreTransaction(journal, transaction));
  if (request.confirm) {
    base::Status started = request.start_guard();
    if (!started) {
      TRY(EndTransaction(journal, "not begun"));
      return base::Failure(std::move(started.error()).With("nothing was changed"));
    }
  }
  ApplyOutcome outcome = {{}, std::move(notes), true, 0};
  for (const EntryPlan& entry : plan.entries) {
    auto done = Perform(host, entry, lock);
    if (!done)
      return UndoAfter(host, request, transaction, lock, entry.entry, std::move(done.error()));
    outcome.entries.push_back(std::move(*done));
  }
  if (!request.confirm) {
    base::Status kept = Keep(host, transaction);
    if (!kept)
      return UndoAfter(host, request, transaction, lock, plan.entries.back().entry,
                       std::move(kept.error()));
    return outcome;
  }
  transaction.phase = Phase::kWaiting;
  transaction.deadline = MillisecondsSinceBoot() + uint64_t{*request.confirm} * 1000;
  TRY(StoreTransaction(journal, transaction));
  outcome.deadline = transaction.deadline;
  return outcome;
}

base::Result<ApplyOutcome> ApplyEach(DeclaredHost& host, const Config& config,
                                     const ApplyRequest& request) {
  const Pinned pinned = TRY(host.pins.Read());
  const auto devices = TRY(ReadHostDevices(host.assignment().tree, config, pinned, host.permanent));
  const auto conflicts = FindConflicts(config, pinned, devices, request.selection);
  ApplyOutcome all;
  ApplyRequest alone = request;
  alone.leaves = true;
  for (const Entry& entry : config) {
    if (const auto conflict = conflicts.find(entry.name); conflict != conflicts.end()) {
      all.errors.push_back(conflict->second);
      continue;
    }
    auto outcome = Apply(host, {entry}, alone);
    if (!outcome) {
      all.errors.push_back(std::move(outcome.error()));
      continue;
    }
    all.changed = all.changed || outcome->changed;
    for (EntryOutcome& one : outcome->entries) all.entries.push_back(std::move(one));
    for (std::string& note : outcome->notes) all.notes.push_back(std::move(note));
  }
  return all;
}

base::Status Summary(const ApplyOutcome& outcome) {
  const size_t failed = outcome.errors.size();
  if (failed == 0) return {};
  if (failed == 1 && outcome.entries.empty()) return base::Failure(outcome.errors.front());
  return base::Fail(
      base::Code::kPartial,
      fmt::format("{} of {} entries could not be applied", failed, failed + outcome.entries.size()),
      "vassign plan shows what is left");
}

}  // namespace cli
