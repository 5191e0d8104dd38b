// `vassign with DEV... -- COMMAND`: devices for as long as one command runs.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddWithCommand(CLI::App& app, Context& context);

}  // namespace cli
