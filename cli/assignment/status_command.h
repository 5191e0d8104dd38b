// `vassign status`: what vassign has taken, and who has it now.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddStatusCommand(CLI::App& app, Context& context);

}  // namespace cli
