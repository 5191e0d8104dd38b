// `vassign show`: everything about one device.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddShowCommand(CLI::App& app, Context& context);

}  // namespace cli
