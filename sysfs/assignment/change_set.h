// Plans of sysfs writes, and the one loop that performs them.
//
// A plan is a value: a pure function makes it from snapshots, --dry-run prints it, a test walks it.
// Apply performs it step by step and checks after each step what the plan says must hold then.
// When a step fails, the steps done are undone in reverse and both outcomes are reported. A step
// that timed out may still finish in the kernel: nothing is undone then, because an undo would race
// with it; the journal keeps what is needed to finish or undo later.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace sysfs {

// One write(2) of `value` to `path`.
struct Write {
  std::string path;
  std::string value;
  std::vector<int> accepted = {};  // errnos that say that the wanted state is there already
  bool retry_busy = false;         // EBUSY and EAGAIN pass: try again, with growing pauses
  bool operator==(const Write&) const = default;
};

// The last component of the link at `path`, or no link there.
struct LinkCheck {
  std::string path;
  std::optional<std::string> name;
  bool operator==(const LinkCheck&) const = default;
};

struct Change {
  Write write;
  std::string reason;                    // "take 0000:08:00.0 from nvme"
  std::vector<Write> undo = {};          // performed in this order; empty: nothing to undo
  std::optional<LinkCheck> expect = {};  // must hold after the write
  bool operator==(const Change&) const = default;
};

using ChangeSet = std::vector<Change>;

struct ApplyOptions {
  std::function<void(const Change&)> on_done = {};                 // after each step that worked
  std::function<void(std::chrono::milliseconds)> pause = {};       // the real thing when empty
  std::chrono::milliseconds busy_limit = std::chrono::seconds(5);  // sum of all pauses of a step
};

// The failure's code is that of the step that failed; its message says what became of the undo.
base::Status Apply(Tree& tree, const ChangeSet& changes, const ApplyOptions& options = {});

// A line a step, as a person would type it: `echo vfio-pci > /sys/...  # why`.
std::string Format(const ChangeSet& changes);
std::string Format(const Write& write);

}  // namespace sysfs
