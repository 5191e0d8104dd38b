#include "sysfs/assignment/change_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace sysfs {
namespace {

using std::chrono::milliseconds;

bool Holds(const Tree& tree, const LinkCheck& check) {
  return LinkName(tree, check.path) == check.name;
}

bool IsBusy(const base::Error& error) { return error.err() == EBUSY || error.err() == EAGAIN; }

bool Contains(const std::vector<int>& accepted, int err) {
  return err != 0 && std::find(accepted.begin(), accepted.end(), err) != accepted.end();
}

// The write, again while the kernel says busy and the pauses allow it. `expect` may have come true
// by somebody else's hand meanwhile, which is as good.
base::Status WriteRetrying(Tree& tree, const Write& write, const std::optional<LinkCheck>& expect,
                           const ApplyOptions& options) {
  milliseconds spent{0};
  for (milliseconds step{50};; step *= 2) {
    base::Status status = tree.Write(write.path, write.value);
    if (status || Contains(write.accepted, status.error().err())) return {};
    if (!write.retry_busy || !IsBusy(status.error())) return status;
    if (expect && Holds(tree, *expect)) return {};
    step = std::min(step, options.busy_limit - spent);
    if (step <= milliseconds::zero()) return status;
    spent += step;
    if (options.pause) {
      options.pause(step);
    } else {
      std::this_thread::sleep_for(step);
    }
  }
}

std::string Describe(const std::optional<std::string>& name) { return name ? *name : "nothing"; }

struct StepOutcome {
  base::Status status;
  bool happened = false;  // the write was made, so its undo is due
};

StepOutcome Perform(Tree& tree, const Change& change, const ApplyOptions& options) {
  base::Status written = WriteRetrying(tree, change.write, change.expect, options);
  if (!written) {
    base::Error error = std::move(written.error()).With(change.reason);
    // The driver core's "not for this driver", not "no such device".
    if (error.err() == ENODEV) error = std::move(error).WithCode(base::Code::kKernel);
    return {base::Failure(std::move(error)), false};
  }
  if (change.expect && !Holds(tree, *change.expect)) {
    const auto found = LinkName(tree, change.expect->path);
    return {base::Fail(
                base::Code::kKernel,
                fmt::format("{}: the write was accepted, but {} is {} instead of {}", change.reason,
                            change.expect->path, Describe(found), Describe(change.expect->name))),
            true};
  }
  return {{}, true};
}

// The first thing that went wrong; the rest is tried all the same.
base::Status Undo(Tree& tree, const ChangeSet& changes, size_t count, const ApplyOptions& options) {
  base::Status first;
  while (count-- > 0) {
    for (const Write& write : changes[count].undo) {
      base::Status status = WriteRetrying(tree, write, std::nullopt, options);
      if (!status && first) first = std::move(status);
      if (!first && first.error().code() == base::Code::kTimedOut) return first;
    }
  }
  return first;
}

base::Failure Report(const base::Error& cause, const base::Status& undone, size_t count) {
  std::string text = cause.message();
  if (!undone) {
    text += "; putting the former state back failed too: " + undone.error().message();
  } else if (count > 0) {
    text += "; the former state was put back";
  }
  base::Error error(cause.code(), std::move(text), cause.err());
  return base::Failure(std::move(error).WithHint(cause.hint()));
}

}  // namespace

base::Status Apply(Tree& tree, const ChangeSet& changes, const ApplyOptions& options) {
  for (size_t index = 0; index < changes.size(); ++index) {
    StepOutcome outcome = Perform(tree, changes[index], options);
    if (outcome.status) {
      if (options.on_done) options.on_done(changes[index]);
      continue;
    }
    if (outcome.status.error().code() == base::Code::kTimedOut) return std::move(outcome.status);
    const size_t count = index + (outcome.happened ? 1 : 0);
    return Report(std::move(outcome.status.error()), Undo(tree, changes, count, options), count);
  }
  return {};
}

std::string Format(const Write& write) {
  const bool clears = write.value.empty() || write.value == "\n";
  return fmt::format("echo {}> {}", clears ? "" : write.value + " ", write.path);
}

std::string Format(const ChangeSet& changes) {
  std::string text;
  for (const Change& change : changes) {
    text += fmt::format("{}  # {}\n", Format(change.write), change.reason);
  }
  return text;
}

}  // namespace sysfs
