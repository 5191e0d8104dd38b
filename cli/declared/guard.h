// Who undoes an apply that nobody confirms, outside the session that began it: its own process,
// which a closed connection does not reach.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/declared/plan.h"

namespace cli {

enum class GuardStep : uint8_t {
  kEnd,    // there is nothing to guard any more
  kAwait,  // a change of the transaction, the owner's end or the deadline
  kUndo,
};

// `now` in milliseconds since boot; `owner_lives` while the process that applies does.
GuardStep DecideGuard(const std::optional<Transaction>& transaction, uint64_t now,
                      bool owner_lives);

// What the guard waits with; tests give another.
struct GuardEvents {
  std::function<uint64_t()> now;  // milliseconds since boot
  // Until the journal's folder changes, the owner ends or the time is over (-1: there is none).
  // Whether the owner lives.
  std::function<base::Result<bool>(int milliseconds)> wait;
  std::function<void()> forget;  // what changed until now ends no wait
  bool owner_lives = true;       // at first
};

// Until the transaction is kept or undone. The last state is the transaction's outcome. An undo
// that fails is tried again every kGuardRetry, or when the folder changes.
base::Status Guard(DeclaredHost& host);
base::Status RunGuard(DeclaredHost& host, const GuardEvents& events);
inline constexpr int kGuardRetry = 5000;  // milliseconds

// Starts `vassign confirm --guard`, this very program, by systemd-run where systemd is the init, so
// that it belongs to no session; otherwise as a process of a session of its own. It has begun when
// this returns.
base::Status StartGuard();

// What the guard would have done, for who waits in front of it. kLocked: somebody is at work.
base::Status UndoOverdue(DeclaredHost& host);

// How a waiting apply ended, for the person in front of it.
enum class Ending : uint8_t {
  kGone,         // the transaction ended: LastOutcome says how
  kEnter,        // the person pressed Enter
  kInterrupted,  // SIGINT, SIGTERM, SIGHUP
  kNotUndone,    // the guard's first try failed: LastFailure says why; it goes on
  kOverdue,  // the time was over kGuardGrace ago, and nobody has begun the undo: the guard has died
};
inline constexpr unsigned kGuardGrace = 3000;  // milliseconds
// `tell` is called about once a second with the seconds that are left. `reads_enter`: standard
// input is a terminal.
base::Result<Ending> AwaitEnding(const sysfs::Journal& journal, uint64_t deadline, bool reads_enter,
                                 const std::function<void(unsigned left)>& tell);

}  // namespace cli
