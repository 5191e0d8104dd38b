// `vassign confirm`: an apply that waits is kept.
#include <memory>

#include "cli/automation/automation.h"
#include "cli/commands.h"
#include "cli/declared/commands.h"
#include "cli/declared/guard.h"
#include "cli/declared/host.h"
#include "cli/declared/undo.h"
#include "cli/json_text.h"

namespace cli {
namespace {

base::Status RunConfirm(Context& context, bool guards) {
  const auto reach = TRY(ReachDeclared(context, "confirm", {}));
  DeclaredHost& host = reach->host();
  if (guards) {
    // It waits for whatever a killed apply has under way.
    host.assignment().lock_patience = std::chrono::minutes(2);
    return Guard(host);
  }
  TRY(ConfirmWaiting(host));
  if (context.json) {
    PrintJson(context.out, {{"schema", "vassign.confirm/1"}, {"outcome", "kept"}});
  } else {
    context.out << "kept\n";
  }
  return FollowPins(context);
}

}  // namespace

void AddConfirmCommand(CLI::App& app, Context& context) {
  auto guards = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("confirm", "Keep what vassign apply --confirm did");
  command->add_flag("--guard", *guards, "Wait for the end of an apply, and undo it")->group("");
  AddJsonOption(*command, context);
  command->callback([guards, &context] {
    context.run = [guards, &context] { return RunConfirm(context, *guards); };
  });
}

}  // namespace cli
