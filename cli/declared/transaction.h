// What an `apply` is about to change, and the way back: <folder>/apply.json.
//
// Written whole and synchronised before the first change, removed when the change is kept. While it
// is there, the change can be undone by anybody: by apply itself when a step fails, by the guard
// when nobody confirms, by the next run when both were killed. Undoing goes back to what was there
// before this apply (not to what was there before vassign's first touch, which the journal knows).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/config/pin.h"
#include "cli/declared/access.h"
#include "sysfs/assignment/journal.h"

namespace cli {

// One device, with the texts of records (sysfs/assignment/journal.h, sriov/record.h): as it was,
// to go back to, and what the journal said of it then. Nothing: untouched, or no record.
struct Touched {
  sysfs::PciAddress address;
  std::optional<std::string> device_before;
  std::optional<std::string> device_record;
  std::optional<std::string> functions_before;
  std::optional<std::string> functions_record;
  bool operator==(const Touched&) const = default;
};

enum class Phase : uint8_t {
  kApplying,  // its process holds the host lock
  kWaiting,   // for somebody to confirm, until the deadline
  kUndoing,   // the way back has begun: it cannot be kept any more
};
std::string_view Name(Phase phase);

struct Transaction {
  std::string boot_id;
  int pid = 0;  // of the apply
  Phase phase = Phase::kApplying;
  std::optional<unsigned> confirm;         // seconds that were asked for
  uint64_t deadline = 0;                   // kWaiting: milliseconds since boot (CLOCK_BOOTTIME)
  std::vector<Touched> touched;            // in the order of the changes
  std::map<std::string, NodeState> nodes;  // whose access is changed, as they were
  Pinned pins;                             // stored when the change is kept
  bool operator==(const Transaction&) const = default;
};

// JSON, version 1, strict as records are.
std::string FormatTransaction(const Transaction& transaction);
base::Result<Transaction> ParseTransaction(std::string_view text);

std::string TransactionPath(const sysfs::Journal& journal);
// Nothing when there is none of this boot.
base::Result<std::optional<Transaction>> FindTransaction(const sysfs::Journal& journal);
base::Status StoreTransaction(const sysfs::Journal& journal, const Transaction& transaction);
// Says first how it ended, for those who wait ("kept", "undone", ...), then removes it.
base::Status EndTransaction(const sysfs::Journal& journal, std::string_view outcome);
// Why the guard could not undo the apply of this process yet; it ends with the transaction. Empty
// when no try has failed.
base::Status StoreFailure(const sysfs::Journal& journal, int pid, const base::Error& error);
std::string LastFailure(const sysfs::Journal& journal, int pid);

// How the last one ended; empty when none did in this boot's folder.
std::string LastOutcome(const sysfs::Journal& journal);

// CLOCK_BOOTTIME: counts while the host sleeps, and nobody sets it.
uint64_t MillisecondsSinceBoot();

}  // namespace cli
