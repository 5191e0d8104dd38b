#include "cli/commands.h"

namespace cli {
namespace {

// CLI11's own check would add its name to the help.
std::string CheckPath(const std::string& path) { return CLI::ExistingPath(path); }

}  // namespace

void AddJsonOption(CLI::App& command, Context& context) {
  command.add_flag("--json", context.json, "Print one JSON value instead of text");
}

void AddReadingOptions(CLI::App& command, Context& context) {
  AddJsonOption(command, context);
  command
      .add_option("--sysroot", context.sysroot,
                  "Read a recorded host: a snapshot, or a directory with /sys and /proc")
      ->type_name("HOST")
      ->check(CheckPath);
}

}  // namespace cli
