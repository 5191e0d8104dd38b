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
  for (const CLI::App* command : app.get_subcommands()) line += " " + CommandLine(*command);
  return line;
}

// The command that was reached: "set" of `vassign sriov set`.
const CLI::App& Innermost(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : Innermost(*chosen.front());
}

// The first word behind the reached command when it should be a command and is none.
std::string UnknownCommand(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App& reached = Innermost(app);
  if (reached.get_require_subcommand_min() == 0) return "";
  const auto is_word = [](const char* text) { return *text != '-'; };
  const char* const* word = std::find_if(argv + 1, argv + argc, is_word);
  if (&reached != &app && word != argv + argc) word = std::find_if(word + 1, argv + argc, is_word);
  return word == argv + argc ? "" : *word;
}

base::Failure Usage(const CLI::App& app, const std::string& what, const std::string& unknown) {
  const CLI::App& reached = Innermost(app);
  if (unknown.empty()) {
    const bool has_command = reached.get_require_subcommand_min() == 0;
    return base::Fail(base::Code::kUsage, has_command ? what : "no command given",
                      CommandLine(app) + " --help shows what is wanted");
  }
  std::vector<std::string> names;
  for (const CLI::App* command : reached.get_subcommands(nullptr))
    names.push_back(command->get_name());
  const auto nearest = Nearest(unknown, names, 1);
  const std::string hint =
      nearest.empty() ? "" : "did you mean " + CommandLine(app) + " " + nearest.front() + "? ";
  return base::Fail(base::Code::kUsage, base::Quote(unknown) + ": no such command",
                    hint + CommandLine(app) + " --help lists the commands");
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
    const CLI::App& asked = Innermost(app);
    const std::string line = CommandLine(app);
    out << asked.help(&asked == &app ? "" : line.substr(0, line.rfind(' ')));
    return Parsed::kShown;
  } catch (const CLI::ParseError& error) {
    return Usage(app, error.what(), UnknownCommand(app, argc, argv));
  } catch (const CLI::Error& error) {  // a mistake in the tables of options
    return base::Fail(base::Code::kInternal, error.what());
  }
}

}  // namespace cli
