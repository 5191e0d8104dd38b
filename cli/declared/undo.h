// Undoing an apply, by whoever finds its transaction (cli/declared/transaction.h).
#pragma once

#include <string>
#include <vector>

#include "cli/declared/plan.h"
#include "sysfs/assignment/host_lock.h"

namespace cli {

// Every device in reverse order, each for itself: to what it was before the apply, and its records
// too. Then the transaction ends with `outcome`. kPartial names what could not be put back; the
// transaction stays, and the next run tries again. Without effect on what is so already.
base::Status Undo(DeclaredHost& host, const Transaction& transaction, const sysfs::FileLock& lock,
                  std::string_view outcome);

// Only what differs from what is stored: a second apply writes nothing.
base::Status StorePins(DeclaredHost& host, const Pinned& pins);

// The change is kept: its pins are stored, the transaction ends.
base::Status Keep(DeclaredHost& host, const Transaction& transaction);

// What `vassign confirm` does. kNotFound when nothing waits, kLocked while the apply is under way.
base::Status ConfirmWaiting(DeclaredHost& host);

}  // namespace cli
