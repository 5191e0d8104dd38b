#include "cli/machines/plan_command.h"

#include <memory>

#include "cli/commands.h"
#include "cli/exit_status.h"
#include "cli/machines/fallback_run.h"
#include "cli/machines/machine_options.h"
#include "cli/machines/machines_folder.h"
#include "cli/machines/plan_output.h"
#include "sysfs/base/kernel.h"
#include "vfio/handed_over.h"
#include "vmm/control/registry.h"
#include "vmm/preview/preview.h"

namespace cli {
namespace {

// Of this user, with a name; none where they cannot be known.
std::vector<vmm::OtherMachine> OtherMachines(const Context& context) {
  std::vector<vmm::OtherMachine> others;
  const auto folder = MachinesFolder(context);
  if (!folder) return others;
  const auto records = vmm::control::ListMachines(*folder, vmm::control::Leftovers::kKeep);
  if (!records) return others;
  for (const auto& record : *records) others.push_back({record.pid, record.memory_bytes});
  return others;
}

base::Status RunPlan(Context& context, const RunArguments& arguments) {
  const vmm::Options wanted = TRY(MakeOptions(*context.tree, arguments));
  vfio::HandedOverKernel kernel(base::HostKernel());
  for (const vfio::HandedOver& one : wanted.handed_over) TRY(kernel.Take(one));
  const vmm::Resolved resolved = ResolveFallbacks(context, kernel, wanted, arguments.managed);
  const vmm::Options& options = resolved.options;
  vmm::MachinePreview preview =
      vmm::ReadPreview(kernel, *context.tree, options, OtherMachines(context));
  if (options.managed && preview.plan) {
    const base::Status taken = CheckManaged(context, options, arguments.managed);
    if (!taken) preview.problems.insert(preview.problems.begin(), taken.error());
  }
  // A device without its fallback has the reason in both.
  preview.problems.insert(preview.problems.begin(), resolved.problems.begin(),
                          resolved.problems.end());
  if (context.json) {
    PrintJson(context.out, PreviewJson(options, preview));
  } else {
    context.out << PreviewText(options, preview, context.colour);
  }
  if (!preview.problems.empty()) context.status = ExitStatus(preview.problems.front().code());
  return {};
}

}  // namespace

void AddMachinePlanCommand(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command =
      app.add_subcommand("plan", "Show what run would make, need and cost; change nothing");
  AddMachineOptions(*command, *arguments);
  AddJsonOption(*command, context);
  command->footer(
      "Takes the options of run. Ends with 0 when run would start, else with the status of the\n"
      "first problem. Times are estimates from the size and kind of pages.");
  command->callback([arguments, &context] {
    context.run = [arguments, &context] { return RunPlan(context, *arguments); };
  });
}

}  // namespace cli
