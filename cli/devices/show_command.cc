#include "cli/devices/show_command.h"

#include <memory>

#include "cli/commands.h"
#include "cli/devices/device_facts.h"
#include "cli/devices/device_json.h"
#include "cli/devices/selector.h"
#include "cli/devices/show_text.h"

namespace cli {
namespace {

base::Status RunShow(Context& context, const std::string& selector) {
  const auto address = TRY(SelectOne(*context.tree, selector));
  const DeviceFacts facts =
      TRY(ReadFacts(*context.tree, address, {context.sysroot, context.device_number}));
  if (context.close_look) context.use_marks = context.close_look;
  if (context.json) {
    PrintJson(context.out, ShowJson(context, {facts}));
  } else {
    context.out << ShowText(context, facts);
  }
  return {};
}

}  // namespace

void AddShowCommand(CLI::App& app, Context& context) {
  auto selector = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("show", "Show everything about one device");
  command->add_option("DEV", *selector, "The device")->type_name("")->required();
  AddReadingOptions(*command, context);
  command->footer(
      "Works without root; what only root can read is marked unknown, with a note below.");
  command->callback([selector, &context] {
    context.run = [selector, &context] { return RunShow(context, *selector); };
  });
}

}  // namespace cli
