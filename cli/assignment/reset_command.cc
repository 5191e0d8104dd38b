#include "cli/assignment/reset_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "cli/assignment_output.h"
#include "cli/devices/selector.h"
#include "cli/force_option.h"
#include "cli/json_text.h"
#include "sysfs/assignment/reset.h"

namespace cli {
namespace {

struct ResetOptions {
  std::string device;
  ForceOption force;
  ChangingOptions changing;
};

std::string MethodsText(const std::vector<std::string>& methods) {
  if (methods.empty()) return "the kernel's own way";
  return methods.front() +
         (methods.size() == 1
              ? ""
              : fmt::format(", else {}", fmt::join(methods.begin() + 1, methods.end(), ", ")));
}

base::Status RunReset(Context& context, const ResetOptions& options) {
  const sysfs::ForceSet force = TRY(options.force.Parse());
  sysfs::AssignmentHost host = TRY(ReachHost(context, "reset", options.changing));
  const auto address = TRY(SelectOne(*context.tree, options.device));
  const bool dry_run = options.changing.dry_run;
  if (dry_run) TRY(sysfs::CheckIdle(host, {address}));
  const sysfs::ResetPlan plan =
      TRY(dry_run ? sysfs::PlanReset(host, address, force) : sysfs::Reset(host, address, force));
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.reset/1"},
                            {"bdf", address.ToString()},
                            {"methods", plan.methods},
                            {"done", !dry_run}});
  } else if (dry_run) {
    context.out << sysfs::Format(plan.changes);
  } else {
    context.out << fmt::format("{} reset ({}), and it answers\n", address.ToString(),
                               MethodsText(plan.methods));
  }
  return {};
}

}  // namespace

void AddResetCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<ResetOptions>();
  CLI::App* command = app.add_subcommand("reset", "Reset a device that nobody uses");
  command->add_option("DEV", options->device, "The device")->type_name("")->required();
  options->force.Add(*command);
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "The kernel takes the first of the device's reset methods that works:\n"
      "vassign show names them.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunReset(context, *options); };
  });
}

}  // namespace cli
