// `vassign plan`: what `apply` would do.
#include <memory>

#include "cli/commands.h"
#include "cli/declared/commands.h"
#include "cli/declared/host.h"
#include "cli/declared/output.h"
#include "cli/devices/selector.h"
#include "cli/exit_status.h"

namespace cli {
namespace {

struct PlanOptions {
  std::string file;
  std::vector<std::string> repin;
};

base::Status RunPlan(Context& context, const PlanOptions& options) {
  const Config config = TRY(ConfigOf(context, options.file));
  ChangingOptions changing;
  changing.dry_run = true;
  const auto reach = TRY(ReachDeclared(context, "plan", changing));
  Selection selection;
  selection.repin.insert(options.repin.begin(), options.repin.end());
  const DeclaredPlan plan = TRY(PlanDeclared(reach->host(), config, selection));
  PrintDeclared(context, plan);
  if (!plan.empty()) context.status = ExitStatus(base::Code::kDiffers);
  return {};
}

}  // namespace

void AddPlanCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Show what differs from the declarative file, and the steps");
  command->add_option("FILE", options->file, "Instead of /etc/vassign/vassign.toml and conf.d")
      ->type_name("");
  command->add_option("--repin", options->repin, "Accept the card that an entry finds now")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  AddReadingOptions(*command, context);
  command->footer(
      "Exit status: 0 when everything is as wanted, 11 when something differs; what apply would\n"
      "refuse is refused here, with the same status. vassign.toml(5) has the form of the file.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunPlan(context, *options); };
  });
}

}  // namespace cli
