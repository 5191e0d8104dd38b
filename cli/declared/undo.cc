#include "cli/declared/undo.h"

#include <fmt/format.h>

#include <algorithm>

#include "sriov/record.h"

namespace cli {
namespace {

using sysfs::Journal;

// Another card sits there now: nothing of it was touched, and the records say nothing of it.
bool IsOther(const DeclaredHost& host, const sysfs::PciAddress& address, uint16_t vendor,
             uint16_t device) {
  const auto now = sysfs::ReadDevice(host.assignment().tree, address, sysfs::Detail::kUnlocked);
  return now && (now->vendor != vendor || now->device != device);
}

// The record of what was there makes the ordinary restore go there.
base::Status UndoFunctions(DeclaredHost& host, const Touched& one, const sysfs::FileLock& lock) {
  if (!one.functions_before) return {};
  const Journal& journal = host.assignment().journal;
  const auto before = TRY(sriov::ParseRecord(*one.functions_before));
  if (IsOther(host, one.address, before.vendor, before.device))
    return sriov::RemoveRecord(journal, one.address);
  TRY(sriov::StoreRecord(journal, before));
  TRY(sriov::Restore(host.sriov, one.address, &lock));
  if (one.functions_record)
    TRY(sriov::StoreRecord(journal, TRY(sriov::ParseRecord(*one.functions_record))));
  return {};
}

base::Status UndoDevice(DeclaredHost& host, const Touched& one, const sysfs::FileLock& lock) {
  const Journal& journal = host.assignment().journal;
  if (one.device_before) {
    const auto before = TRY(sysfs::ParseRecord(*one.device_before));
    if (IsOther(host, one.address, before.vendor, before.device))
      return journal.Remove(one.address);
    TRY(journal.Store(before));
    TRY(sysfs::Restore(host.assignment(), one.address, lock));
  }
  if (one.device_record) TRY(journal.Store(TRY(sysfs::ParseRecord(*one.device_record))));
  return {};
}

}  // namespace

base::Status Undo(DeclaredHost& host, const Transaction& transaction, const sysfs::FileLock& lock,
                  std::string_view outcome) {
  Transaction begun = transaction;
  begun.phase = Phase::kUndoing;
  TRY(StoreTransaction(host.assignment().journal, begun));
  std::string failures;
  std::string hint;
  const auto note = [&](const base::Status& status) {
    if (status) return;
    failures += "\n  " + status.error().message();
    if (hint.empty()) hint = status.error().hint();
  };
  // Virtual functions are there again when their physical one is: records of them come last.
  std::vector<Touched> order(transaction.touched.rbegin(), transaction.touched.rend());
  std::stable_partition(order.begin(), order.end(),
                        [](const Touched& one) { return one.functions_before.has_value(); });
  for (const Touched& one : order) {
    note(UndoFunctions(host, one, lock));
    note(UndoDevice(host, one, lock));
  }
  for (const auto& [path, state] : transaction.nodes) {
    const auto now = host.nodes.read(path);
    if (now && *now != state) note(host.nodes.write(path, state));
  }
  if (failures.empty()) return EndTransaction(host.assignment().journal, outcome);
  return base::Fail(base::Code::kPartial, "not all could be put back:" + failures,
                    hint.empty() ? "vassign apply tries again" : hint);
}

base::Status StorePins(DeclaredHost& host, const Pinned& pins) {
  const Pinned known = TRY(host.pins.Read());
  for (const auto& [name, identity] : pins) {
    const auto found = known.find(name);
    if (found == known.end() || found->second != identity) TRY(host.pins.Store(name, identity));
  }
  return {};
}

base::Status Keep(DeclaredHost& host, const Transaction& transaction) {
  TRY(StorePins(host, transaction.pins));
  return EndTransaction(host.assignment().journal, "kept");
}

base::Status ConfirmWaiting(DeclaredHost& host) {
  const Journal& journal = host.assignment().journal;
  TRY(journal.Prepare());
  const sysfs::FileLock lock =
      TRY(sysfs::TakeHostLock(journal.folder(), host.assignment().lock_patience));
  const auto transaction = TRY(FindTransaction(journal));
  if (!transaction) {
    const std::string last = LastOutcome(journal);
    return base::Fail(base::Code::kNotFound, "no apply waits to be confirmed",
                      last.empty() ? "" : "the last one was " + last);
  }
  if (transaction->phase == Phase::kUndoing) {
    const std::string why = LastFailure(journal, transaction->pid);
    return base::Fail(
        base::Code::kPartial,
        "it is being undone already, and could not be whole yet" + (why.empty() ? "" : ": " + why),
        "vassign status shows what is taken; vassign apply goes on with the undo");
  }
  if (transaction->phase == Phase::kApplying) {
    return base::Fail(base::Code::kInternal, "the apply was killed before its end",
                      "vassign apply undoes it first, and begins again");
  }
  return Keep(host, *transaction);
}

}  // namespace cli
