// `vassign explain DEV`: one verdict, and every reason for it.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddExplainCommand(CLI::App& app, Context& context);

}  // namespace cli
