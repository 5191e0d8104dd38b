#include "cli/restore_command.h"

#include <fmt/format.h>

#include <memory>

#include "cli/assignment_output.h"
#include "cli/selector.h"

namespace cli {
namespace {

using sysfs::AssignmentHost;
using sysfs::PciAddress;

struct RestoreOptions {
  std::vector<std::string> devices;
  bool all = false;
  ChangingOptions changing;
};

base::Result<std::vector<PciAddress>> Selected(const Context& context, const AssignmentHost& host,
                                               const RestoreOptions& options) {
  if (options.all) return host.journal.List();
  std::vector<PciAddress> all;
  for (const std::string& text : options.devices) {
    auto found = Select(*context.tree, text);
    // A device that is gone may have a record still.
    if (const auto address = PciAddress::Parse(text); !found && address) {
      const auto record = TRY(host.journal.Find(*address));
      if (record) found = std::vector{*address};
    }
    for (const PciAddress& address : TRY(std::move(found))) all.push_back(address);
  }
  return all;
}

base::Status PrintSteps(Context& context, const AssignmentHost& host,
                        const std::vector<PciAddress>& devices) {
  std::vector<sysfs::AssignmentPlan> plans;
  for (const PciAddress& address : devices)
    plans.push_back(TRY(sysfs::PlanRestoring(host, address)));
  PrintPlans(context, plans);
  return {};
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
  if (options.all != options.devices.empty()) {
    return base::Fail(base::Code::kUsage, "restore: name devices or --all",
                      "vassign restore --help shows what is wanted");
  }
  AssignmentHost host = TRY(ReachHost(context, "restore", options.changing));
  const auto devices = TRY(Selected(context, host, options));
  if (options.changing.dry_run) return PrintSteps(context, host, devices);
  std::vector<sysfs::AssignmentResult> results;
  std::vector<base::Error> errors;
  for (const PciAddress& address : devices) {
    auto result = sysfs::Restore(host, address);
    if (result) {
      results.push_back(std::move(*result));
    } else {
      errors.push_back(WithState(std::move(result.error()), *context.tree, {address}));
    }
  }
  if (!context.json || errors.empty()) PrintResults(context, "vassign.restore/1", results);
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
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "Also finishes or undoes what a killed run began. Without a record the override is cleared\n"
      "and the kernel chooses the driver.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunRestore(context, *options); };
  });
}

}  // namespace cli
