// `vassign reset DEV...`.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddResetCommand(CLI::App& app, Context& context);

}  // namespace cli
