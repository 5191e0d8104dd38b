// `vassign plan`, `apply` and `confirm`: the declarative file.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddPlanCommand(CLI::App& app, Context& context);
void AddApplyCommand(CLI::App& app, Context& context);
void AddConfirmCommand(CLI::App& app, Context& context);

}  // namespace cli
