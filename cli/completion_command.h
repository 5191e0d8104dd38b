// `vassign completion bash`: the completion of command lines, made from the parser itself.
#pragma once

#include <CLI/App.hpp>
#include <string>

#include "cli/context.h"

namespace cli {

// `app` is the program: the commands that it has when the script is printed are completed.
void AddCompletionCommand(CLI::App& app, Context& context);

// A script for bash (4.2 and later; bash-completion is used when it is there). Addresses come from
// `vassign list`, drivers from sysfs.
std::string BashCompletion(const CLI::App& app);

}  // namespace cli
