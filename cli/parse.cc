#include "cli/parse.h"

#include <CLI/Error.hpp>
#include <algorithm>

#include "cli/nearest.h"
#include "sysfs/base/text.h"

namespace cli {
namespace {

// The command that was being parsed, for the help that fits.
std::string CommandLine(const CLI::App& app) {
  std::string line = app.get_name();
  for (const CLI::App* command : app.get_subcommands()) line += " " + command->get_name();
  return line;
}

// The first word when it should be a command and is none.
std::string UnknownCommand(const CLI::App& app, int argc, const char* const* argv) {
  if (app.get_require_subcommand_min() == 0 || !app.get_subcommands().empty()) return "";
  const auto* const word =
      std::find_if(argv + 1, argv + argc, [](const char* text) { return *text != '-'; });
  return word == argv + argc ? "" : *word;
}

base::Failure Usage(const CLI::App& app, const std::string& what, const std::string& unknown) {
  if (unknown.empty()) {
    const bool has_command =
        app.get_require_subcommand_min() == 0 || !app.get_subcommands().empty();
    return base::Fail(base::Code::kUsage, has_command ? what : "no command given",
                      CommandLine(app) + " --help shows what is wanted");
  }
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  const auto nearest = Nearest(unknown, names, 1);
  const std::string hint =
      nearest.empty() ? "" : "did you mean " + app.get_name() + " " + nearest.front() + "? ";
  return base::Fail(base::Code::kUsage, base::Quote(unknown) + ": no such command",
                    hint + app.get_name() + " --help lists the commands");
}

}  // namespace

base::Result<Parsed> Parse(CLI::App& app, int argc, const char* const* argv, std::ostream& out) {
  try {
    app.parse(argc, argv);
    return Parsed::kCommand;
  } catch (const CLI::CallForVersion& version) {
    out << version.what() << '\n';
    return Parsed::kShown;
  } catch (const CLI::Success& help) {  // --help of the program or of a command
    const CLI::App* asked = &app;
    for (const CLI::App* command : app.get_subcommands()) asked = command;
    out << asked->help(asked == &app ? "" : app.get_name());
    return Parsed::kShown;
  } catch (const CLI::ParseError& error) {
    return Usage(app, error.what(), UnknownCommand(app, argc, argv));
  } catch (const CLI::Error& error) {  // a mistake in the tables of options
    return base::Fail(base::Code::kInternal, error.what());
  }
}

}  // namespace cli
