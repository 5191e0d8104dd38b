// `vassign sriov set`: so many virtual functions, with these drivers.
#include <memory>

#include "cli/assignment_output.h"
#include "cli/devices/selector.h"
#include "cli/functions/command.h"
#include "cli/functions/host.h"
#include "cli/functions/output.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

struct SetOptions {
  std::string pf;
  std::string count;
  std::string driver = "auto";
  ChangingOptions changing;
};

base::Result<sriov::Drivers> ParseDrivers(const std::string& text) {
  if (text == "auto") return sriov::Drivers::kKernel;
  if (text == "none") return sriov::Drivers::kNone;
  if (text == "vfio-pci") return sriov::Drivers::kVfio;
  return base::Fail(base::Code::kUsage, "--driver " + base::Quote(text) + ": not for this command",
                    "vfio-pci, none or auto; vassign bind --driver gives a function to any other");
}

base::Status RunSet(Context& context, const SetOptions& options) {
  sriov::SetRequest request;
  request.drivers = TRY(ParseDrivers(options.driver));
  const auto count = base::ParseDecimal(options.count, UINT16_MAX);
  if (!count) {
    return base::Fail(base::Code::kUsage,
                      base::Quote(options.count) + ": not a number of virtual functions",
                      "vassign sriov show tells how many there can be");
  }
  request.count = static_cast<unsigned>(*count);
  request.pf = TRY(SelectOne(*context.tree, options.pf));
  const auto reach = TRY(ReachSriov(context, "sriov set", options.changing));
  if (options.changing.dry_run) {
    const auto plan = TRY(sriov::PlanSet(reach->host(), request));
    PrintSteps(context, plan.pf, plan.steps, plan.later);
    return {};
  }
  const auto outcome = TRY(sriov::SetFunctions(reach->host(), request));
  PrintOutcome(context, "vassign.sriov.set/1", outcome);
  return {};
}

}  // namespace

void AddSriovSetCommand(CLI::App& sriov, Context& context) {
  auto options = std::make_shared<SetOptions>();
  CLI::App* command = sriov.add_subcommand("set", "Enable exactly N virtual functions");
  command->add_option("PF", options->pf, "The physical function")->type_name("")->required();
  command->add_option("N", options->count, "How many; 0 for none")->type_name("")->required();
  command
      ->add_option("--driver", options->driver,
                   "Their driver: auto (the host's own), none, or vfio-pci")
      ->type_name("NAME");
  AddChangingOptions(*command, context, options->changing);
  command->footer(
      "Another number than before goes through 0 and takes all functions away first; refused (4)\n"
      "while one of them is in use. With none, host drivers are kept off until vassign restore "
      "PF,\n"
      "which puts back what was there. Functions of a network card get a MAC address that stays\n"
      "the same, those of a drive their queues and interrupts.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunSet(context, *options); };
  });
}

}  // namespace cli
