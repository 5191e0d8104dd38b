// `vmm run`: a machine, and from its end to an exit status.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddRunCommand(CLI::App& app, Context& context);

}  // namespace cli
