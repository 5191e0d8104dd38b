// `vassign snapshot FILE`: this host, to be looked at elsewhere.
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddSnapshotCommand(CLI::App& app, Context& context);

}  // namespace cli
