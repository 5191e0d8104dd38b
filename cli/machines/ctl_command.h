// `vmm ctl NAME VERB`: one command to a running machine.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "vmm/control/json.h"

namespace cli {

// A verb as the monitor knows it.
struct ControlRequest {
  std::string command;
  vmm::control::Json arguments;  // null for none
};
// kUsage names the nearest verb, or the argument that is no NAME=VALUE.
base::Result<ControlRequest> MakeControlRequest(std::string_view verb,
                                                const std::vector<std::string>& arguments);

void AddCtlCommand(CLI::App& app, Context& context);

}  // namespace cli
