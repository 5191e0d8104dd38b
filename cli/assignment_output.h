// What `bind` and `restore` share: the way to the host, and how plans and ends are told.
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "cli/context.h"
#include "sysfs/assignment/assignment.h"

namespace cli {

struct ChangingOptions {
  bool dry_run = false;
  unsigned timeout = 30;  // seconds, for each write and wait
};

// --dry-run, --timeout and --json.
void AddChangingOptions(CLI::App& command, Context& context, ChangingOptions& options);

// From here on `context.tree` waits no longer for a device's lock. Nothing on a recorded host.
void GuardReads(Context& context, std::chrono::milliseconds patience);
// Around the life of a machine or command that has devices: no process is there then to read behind
// locks, nor may one be started.
void PauseGuard(Context& context);
void ResumeGuard(Context& context);

// The running host with modules and events. kDenied without root, unless nothing is changed.
base::Result<sysfs::AssignmentHost> ReachHost(Context& context, std::string_view command,
                                              const ChangingOptions& options,
                                              std::string_view program = "vassign");

// A file that a command writes beside its steps.
struct PlannedFile {
  std::string path;
  std::string text;
  bool changed = true;  // false: it is so already, and is not written
};

// The steps, as commands or as JSON; says so when there is nothing to do.
void PrintPlans(Context& context, const std::vector<sysfs::AssignmentPlan>& plans,
                const std::vector<PlannedFile>& files = {});

// A line for each device, or JSON with `schema`.
void PrintResults(Context& context, std::string_view schema,
                  const std::vector<sysfs::AssignmentResult>& results);

// The error with the devices' present state as its last lines, when it came from the middle of a
// change.
base::Error WithState(base::Error error, const sysfs::Tree& tree,
                      const std::vector<sysfs::PciAddress>& devices);

}  // namespace cli
