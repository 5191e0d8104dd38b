// `vmm ps`: the running machines that have a name.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/json_text.h"
#include "vmm/control/registry.h"

namespace cli {

struct MachineLine {
  vmm::control::MachineRecord record;
  std::string state;                   // running, paused; "no answer" when it gives none in time
  std::vector<std::string> devices;    // ids
  uint64_t uptime = 0;                 // seconds
  std::vector<std::string> fallbacks;  // of the ids: those that virtio serves for
};

// Pure. "vmm.ps/1", and the table.
Json MachinesJson(const std::vector<MachineLine>& machines);
std::string MachinesText(const std::vector<MachineLine>& machines, unsigned width, bool colour);
// "5:07", "1:00:00", "2d 03:00:00".
std::string UptimeText(uint64_t seconds);

void AddPsCommand(CLI::App& app, Context& context);

}  // namespace cli
