// `vassign doctor`: is this host ready to give devices to guests, check by check.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddDoctorCommand(CLI::App& app, Context& context);

}  // namespace cli
