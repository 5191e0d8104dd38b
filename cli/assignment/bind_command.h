// `vassign bind`: devices to a driver for guests, all or none.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddBindCommand(CLI::App& app, Context& context);

}  // namespace cli
