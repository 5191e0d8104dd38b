// `vmm plan`: what `vmm run` with the same options would make and cost; changes nothing.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

// Ends with the status that `run` would end with: that of the first problem.
void AddMachinePlanCommand(CLI::App& app, Context& context);

}  // namespace cli
