// `vassign sriov`: virtual functions of physical ones.
//
//   sriov show [PF...]     sriov set PF N     sriov vf PF#I ...
#pragma once

#include <CLI/App.hpp>

#include "cli/context.h"

namespace cli {

void AddSriovCommand(CLI::App& app, Context& context);

// Its commands, each in a file of its own.
void AddSriovShowCommand(CLI::App& sriov, Context& context);
void AddSriovSetCommand(CLI::App& sriov, Context& context);
void AddSriovVfCommand(CLI::App& sriov, Context& context);

}  // namespace cli
