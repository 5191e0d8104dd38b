// `vassign list`: the functions of the host as a table, or as JSON.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddListCommand(CLI::App& app, Context& context);

}  // namespace cli
