#include "cli/functions/command.h"

namespace cli {

void AddSriovCommand(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("sriov", "Show, enable and configure virtual functions (SR-IOV)");
  command->require_subcommand(1);
  AddSriovShowCommand(*command, context);
  AddSriovSetCommand(*command, context);
  AddSriovVfCommand(*command, context);
}

}  // namespace cli
