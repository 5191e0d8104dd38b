// Making the host as the declarative file has it: all entries, or what was there before.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/declared/plan.h"

namespace cli {

struct ApplyRequest {
  Selection selection;
  std::optional<unsigned> confirm;  // seconds until the change is undone unless it is kept
  int pid = 0;                      // of this process, for the guard
  // Starts who undoes the change when this process cannot; needed with `confirm`.
  std::function<base::Status()> start_guard = {};
  // Of ApplyEach: what cannot be undone does not wait for the next run, which would hold up the
  // entries that follow. Its records stay, for `vassign restore`.
  bool leaves = false;
};

struct EntryOutcome {
  std::string name;
  sysfs::PciAddress address;
  std::vector<sysfs::AssignmentResult> devices = {};
  std::optional<sriov::Outcome> functions = {};
  bool changed = false;
};

struct ApplyOutcome {
  std::vector<EntryOutcome> entries;
  std::vector<std::string> notes;
  bool changed = false;
  uint64_t deadline = 0;  // milliseconds since boot; 0 when nothing has to be confirmed
  std::vector<base::Error> errors = {};  // of ApplyEach: one for each entry that failed
};

// Takes the host lock. What a killed apply left is undone first. Every refusal comes before the
// first change; when a step fails, what was done is undone and the error says so, unless it is
// kTimedOut: then a write is still under way, and the next run undoes it. kLocked while another
// apply waits to be confirmed. Nothing is written when everything is as wanted.
base::Result<ApplyOutcome> Apply(DeclaredHost& host, const Config& config,
                                 const ApplyRequest& request);

// The entries of one device at boot, or all one by one: what fails does not stop the others, also
// when it cannot be undone (a write that hangs): its transaction ends, its records stay. None of
// two entries that are one device is applied.
base::Result<ApplyOutcome> ApplyEach(DeclaredHost& host, const Config& config,
                                     const ApplyRequest& request);

// kPartial when entries failed; the error itself when it is the only one of the only entry.
base::Status Summary(const ApplyOutcome& outcome);

}  // namespace cli
