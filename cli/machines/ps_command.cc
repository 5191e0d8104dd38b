#include "cli/machines/ps_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/machines/client.h"
#include "cli/machines/machines_folder.h"
#include "cli/machines/pci_text.h"
#include "cli/table.h"
#include "sysfs/base/text.h"
#include "vmm/virtio/net/macvtap.h"

namespace cli {
namespace {

constexpr Patience kPatience{2000};

// What the machine says of itself; nothing when it does not answer.
base::Status Ask(MachineLine& line) {
  auto client = TRY(MonitorClient::Connect(line.record.name, line.record.socket, kPatience));
  const auto status = TRY(client.Execute("query-status"));
  const auto buses = TRY(client.Execute("query-pci"));
  line.devices = DeviceIds(buses);
  line.fallbacks = FallbackIds(buses);
  if (status.contains("status") && status["status"].is_string()) {
    line.state = status["status"].get<std::string>();
  }
  return {};
}

base::Status RunPs(Context& context) {
  const std::string folder = TRY(MachinesFolder(context));
  std::vector<MachineLine> lines;
  for (auto& record : TRY(vmm::control::ListMachines(folder))) {
    const uint64_t now = vmm::control::SecondsSinceBoot();
    MachineLine line{record, "no answer", {}, now > record.started ? now - record.started : 0, {}};
    const base::Status asked = Ask(line);
    // It has ended since it was listed.
    if (!asked && asked.error().code() == base::Code::kNotFound) continue;
    lines.push_back(std::move(line));
  }
  if (context.json) {
    PrintJson(context.out, MachinesJson(lines));
  } else if (!lines.empty()) {
    context.out << MachinesText(lines, context.width, context.colour);
  } else {
    context.out << "no machine with a name runs\n";
  }
  if (context.json) return {};
  for (const std::string& name : vmm::virtio::LeftMacvtaps(*context.tree)) {
    context.out << name
                << ": left by a machine that was killed; the next machine with a fallback or "
                << "--managed takes it away, or ip link delete " << name << '\n';
  }
  return {};
}

// Those that virtio serves for are told apart.
std::string DevicesText(const MachineLine& line) {
  std::vector<std::string> names;
  for (const std::string& id : line.devices) {
    const bool instead =
        std::find(line.fallbacks.begin(), line.fallbacks.end(), id) != line.fallbacks.end();
    names.push_back(instead ? id + " (virtio)" : id);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string UptimeText(uint64_t seconds) {
  const uint64_t days = seconds / 86400, hours = seconds / 3600 % 24;
  const uint64_t minutes = seconds / 60 % 60, rest = seconds % 60;
  if (days > 0) return fmt::format("{}d {:02}:{:02}:{:02}", days, hours, minutes, rest);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, rest);
  return fmt::format("{}:{:02}", minutes, rest);
}

Json MachinesJson(const std::vector<MachineLine>& machines) {
  Json list = Json::array();
  for (const MachineLine& one : machines) {
    list.push_back({{"name", one.record.name},
                    {"pid", one.record.pid},
                    {"state", one.state},
                    {"cpus", one.record.cpus},
                    {"memory", one.record.memory_bytes},
                    {"devices", one.devices},
                    {"fallbacks", one.fallbacks},
                    {"uptime", one.uptime},
                    {"monitor", one.record.socket}});
  }
  return {{"schema", "vmm.ps/1"}, {"machines", std::move(list)}};
}

std::string MachinesText(const std::vector<MachineLine>& machines, unsigned width, bool colour) {
  Table table;
  table.columns = {{"NAME"},   {"PID"},           {"STATE"}, {"CPUS"},
                   {"MEMORY"}, {"DEVICES", true}, {"UPTIME"}};
  for (const MachineLine& one : machines) {
    table.rows.push_back({{one.record.name},
                          {std::to_string(one.record.pid)},
                          {Printable(one.state)},
                          {std::to_string(one.record.cpus)},
                          {base::FormatSize(one.record.memory_bytes)},
                          {Printable(DevicesText(one))},
                          {UptimeText(one.uptime)}});
  }
  return Render(table, width, colour);
}

void AddPsCommand(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("ps", "List the running machines that have a name");
  AddJsonOption(*command, context);
  command->footer(
      "Machines of this user, started with --name. What a killed one has left behind is removed.");
  command->callback([&context] { context.run = [&context] { return RunPs(context); }; });
}

}  // namespace cli
