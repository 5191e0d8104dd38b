// `vassign restore`: devices back to exactly what was there before.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddRestoreCommand(CLI::App& app, Context& context);

}  // namespace cli
