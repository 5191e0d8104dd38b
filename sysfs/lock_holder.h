// Who works on a device inside the kernel, and may hold the lock that others wait for.
//
// The kernel names no holder of a lock. But a driver's probe and remove functions and the change of
// virtual functions run with the device's lock held, and show in the stack of the task that they
// run in (/proc/PID/stack, for root).
#pragma once

#include <optional>
#include <string>

#include "sysfs/tree.h"

namespace sysfs {

struct LockHolder {
  int pid = 0;
  std::string command;
  std::string where;  // what it does: "unbind_store"
  std::string wait;   // the innermost function: "msleep"
  bool operator==(const LockHolder&) const = default;
};

// One whose stack leads through such work and does not end in a wait for a lock itself. Of several,
// which may work on other devices, the first.
std::optional<LockHolder> FindLockHolder(const Tree& tree);

// ": pid 77 (bash) is in unbind_store and waits in msleep"; empty when none is seen.
std::string HolderText(const Tree& tree);

}  // namespace sysfs
