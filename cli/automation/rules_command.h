// `vassign rules`: the declarative file carried out at boot and on hot-plug.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddRulesCommand(CLI::App& app, Context& context);

}  // namespace cli
