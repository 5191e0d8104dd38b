#include "cli/assignment/restore_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/assignment_output.h"
#include "cli/automation/persist.h"
#include "cli/devices/selector.h"
#include "cli/force_option.h"
#include "cli/functions/host.h"
#include "cli/functions/output.h"
#include "cli/progress.h"
#include "sriov/change.h"
#include "sysfs/assignment/session.h"

namespace cli {
namespace {

using sysfs::AssignmentHost;
using sysfs::PciAddress;

struct RestoreOptions {
  std::vector<std::string> devices;
  bool all = false;
  ForceOption force;
  bool persist = false;
  ChangingOptions changing;
};

bool HasFunctionsRecord(const AssignmentHost& host, const PciAddress& address) {
  const auto record = sriov::FindRecord(host.journal, address);
  return !record || *record;  // one that cannot be read is kept, for its error
}

base::Result<std::vector<PciAddress>> Selected(const Context& context, const AssignmentHost& host,
                                               const RestoreOptions& options) {
  std::vector<PciAddress> all;
  if (options.all) {
    // A record that cannot be read is kept, for its error; one of an earlier boot says nothing.
    for (const PciAddress& address : TRY(host.journal.List())) {
      const auto record = host.journal.Find(address);
      if (!record || *record) all.push_back(address);
    }
    for (const PciAddress& address : sriov::ListRecords(host.journal)) {
      const bool is_listed = std::find(all.begin(), all.end(), address) != all.end();
      if (!is_listed && HasFunctionsRecord(host, address)) all.push_back(address);
    }
    return all;
  }
  for (const std::string& text : options.devices) {
    auto found = Select(*context.tree, text);
    // A device that is gone may have a record still.
    if (const auto address = PciAddress::Parse(text); !found && address) {
      const auto record = TRY(host.journal.Find(*address));
      if (record || TRY(sriov::FindRecord(host.journal, *address))) found = std::vector{*address};
    }
    for (const PciAddress& address : TRY(std::move(found))) all.push_back(address);
  }
  return all;
}

// Another run has given the device back since its record was seen.
bool HasNoRecord(const AssignmentHost& host, const PciAddress& address) {
  const auto record = host.journal.Find(address);
  return record && !*record && !HasFunctionsRecord(host, address);
}

// Virtual functions are given back before the physical one takes them away.
void PutPhysicalLast(const AssignmentHost& host, std::vector<PciAddress>& devices) {
  std::stable_partition(devices.begin(), devices.end(), [&](const PciAddress& address) {
    return !HasFunctionsRecord(host, address);
  });
}

base::Status PrintPlanned(Context& context, sriov::Host& host,
                          const std::vector<PciAddress>& devices, const sysfs::ForceSet& force) {
  TRY(sysfs::CheckIdle(host.assignment, devices));
  std::vector<sysfs::AssignmentPlan> plans;
  for (const PciAddress& address : devices) {
    const auto functions = TRY(sriov::PlanRestore(host, address, force));
    sysfs::AssignmentPlan plan = TRY(sysfs::PlanRestoring(host.assignment, address, force));
    // A plan of both kinds is told as text or, in JSON, by the writes to sysfs alone.
    if (functions && !context.json)
      PrintSteps(context, functions->pf, functions->steps, functions->later);
    if (!functions || !plan.empty() || context.json) plans.push_back(std::move(plan));
  }
  PrintPlans(context, plans);
  return {};
}

struct Restored {
  sysfs::AssignmentResult result;
  std::string functions;  // what became of its virtual functions; empty without a record of them
};

// The device's driver and, where there is a record, its virtual functions: these need the driver
// that they were recorded with, and have to be gone before it goes.
base::Result<Restored> RestoreDevice(sriov::Host& host, const PciAddress& address,
                                     const sysfs::ForceSet& force) {
  const auto record = TRY(sriov::FindRecord(host.assignment.journal, address));
  if (!record) return Restored{TRY(sysfs::Restore(host.assignment, address, force)), ""};
  const auto device = sysfs::ReadDevice(host.assignment.tree, address, sysfs::Detail::kBrief);
  const bool driver_first = device && device->driver != record->driver;
  Restored restored;
  restored.result.address = restored.result.after.address = address;
  if (driver_first) restored.result = TRY(sysfs::Restore(host.assignment, address, force));
  const auto outcome = TRY(sriov::Restore(host, address, nullptr, force));
  if (outcome)
    restored.functions = outcome->notes.empty() || outcome->after.total > 0
                             ? OutcomeLine(*outcome)
                             : address.ToString() + ": " + outcome->notes.front();
  const bool has_device = device || TRY(host.assignment.journal.Find(address));
  if (!driver_first && has_device)
    restored.result = TRY(sysfs::Restore(host.assignment, address, force));
  return restored;
}

void PrintRestored(Context& context, const std::vector<Restored>& all) {
  std::vector<sysfs::AssignmentResult> results;
  for (const Restored& one : all) {
    if (!context.json && !one.functions.empty()) context.out << one.functions << '\n';
    if (!context.json && !one.functions.empty() && !one.result.changed) continue;
    results.push_back(one.result);
    if (context.json && !one.functions.empty()) results.back().note = one.functions;
  }
  PrintResults(context, "vassign.restore/1", results);
}

// The error of one device as it is; of several, how many failed and why.
base::Status Summary(const std::vector<base::Error>& errors, size_t count) {
  if (errors.empty()) return {};
  if (errors.size() == 1 && count == 1) return base::Failure(errors.front());
  std::string text = fmt::format("{} of {} devices were not restored", errors.size(), count);
  for (const base::Error& error : errors) {
    text += "\n  " + error.message();
    if (!error.hint().empty()) text += "\n    cure: " + error.hint();
  }
  const base::Code code = errors.size() == count ? errors.front().code() : base::Code::kPartial;
  return base::Fail(code, std::move(text));
}

base::Status RunRestore(Context& context, const RestoreOptions& options) {
  // First: a bare --force takes the device behind it for its reason.
  const sysfs::ForceSet force = TRY(options.force.Parse());
  if (options.all != options.devices.empty()) {
    return base::Fail(base::Code::kUsage, "restore: name devices or --all",
                      "vassign restore --help shows what is wanted");
  }
  if (options.all && options.persist) {
    return base::Fail(base::Code::kUsage, "restore: --persist is for named devices",
                      "name the devices whose entries are to be removed");
  }
  const auto reach = TRY(ReachSriov(context, "restore", options.changing));
  sriov::Host& host = reach->host();
  auto devices = TRY(Selected(context, host.assignment, options));
  PutPhysicalLast(host.assignment, devices);
  if (options.changing.dry_run) return PrintPlanned(context, host, devices, force);
  // First the entry: a unit that starts meanwhile would bind the device again.
  if (options.persist) TRY(ForgetPersisted(context, devices));
  if (!force.empty()) host.assignment.on_wait = WaitLine(context);
  std::vector<Restored> results;
  std::vector<base::Error> errors;
  for (const PciAddress& address : devices) {
    auto result = RestoreDevice(host, address, force);
    if (result) {
      results.push_back(std::move(*result));
    } else if (!options.all || !HasNoRecord(host.assignment, address)) {
      errors.push_back(WithState(std::move(result.error()), *context.tree, {address}));
    }
  }
  TRY(sysfs::TidySessions(host.assignment.journal));
  if (!context.json || errors.empty()) PrintRestored(context, results);
  if (devices.empty() && !context.json)
    context.out << "the journal holds no device: nothing to do\n";
  return Summary(errors, devices.size());
}

}  // namespace

void AddRestoreCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command =
      app.add_subcommand("restore", "Give devices back to what they were bound to before");
  command->add_option("DEV", options->devices, "The devices")->type_name("");
  command->add_flag("--all", options->all, "Every device that vassign has taken");
  options->force.AddAssigned(*command);
  command->add_flag("--persist", options->persist,
                    "Also remove the entry that bind --persist has written");
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "Also finishes or undoes what a killed run began. Without a record the override is cleared\n"
      "and the kernel chooses the driver. A physical function gets back its virtual ones as they\n"
      "were: number, addresses, VLANs, drivers. A device that a process has is refused with the\n"
      "process (4); --force=assigned asks it to let go, and waits for --timeout seconds (8).");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunRestore(context, *options); };
  });
}

}  // namespace cli
