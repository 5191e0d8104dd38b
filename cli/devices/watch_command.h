// `vassign watch`: a line for each change of the host's devices, as it happens.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddWatchCommand(CLI::App& app, Context& context);

}  // namespace cli
