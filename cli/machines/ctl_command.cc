#include "cli/machines/ctl_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/json_text.h"
#include "cli/machines/balloon_text.h"
#include "cli/machines/client.h"
#include "cli/machines/machines_folder.h"
#include "cli/machines/pci_text.h"
#include "cli/nearest.h"
#include "sysfs/base/text.h"
#include "vmm/control/registry.h"
#include "vmm/guest_devices.h"

namespace cli {
namespace {

using base::Code;
using base::Fail;

struct NamedVerb {
  std::string_view verb;
  std::string_view command;
  bool takes_arguments = false;
};
constexpr std::array kVerbs = {
    NamedVerb{"status", "query-status"},
    NamedVerb{"pause", "stop"},
    NamedVerb{"resume", "cont"},
    NamedVerb{"powerdown", "system_powerdown"},
    NamedVerb{"reset", "system_reset"},
    NamedVerb{"quit", "quit"},
    NamedVerb{"pci", "query-pci"},
    NamedVerb{"balloon", "query-balloon", true},
    NamedVerb{"device-add", "device_add", true},
    NamedVerb{"device-del", "device_del", true},
    NamedVerb{"block-resize", "block_resize", true},
};
constexpr std::string_view kRaw = "qmp";
constexpr std::string_view kBalloon = "balloon";
constexpr unsigned kMaxTimeout = 86400;
constexpr unsigned kTimeout = 10;
// For a first device guest RAM is filled and pinned: a terabyte takes minutes.
constexpr unsigned kPinTimeout = 1800;

struct CtlOptions {
  std::string name;
  std::string verb;
  std::vector<std::string> arguments;
  std::optional<unsigned> timeout;
  bool wait = false;
};

std::vector<std::string> VerbNames() {
  std::vector<std::string> names;
  for (const NamedVerb& one : kVerbs) names.emplace_back(one.verb);
  names.emplace_back(kRaw);
  return names;
}

base::Failure UnknownVerb(std::string_view verb) {
  const auto names = VerbNames();
  const auto nearest = Nearest(verb, names, 1);
  return Fail(Code::kUsage, fmt::format("{}: not a verb", base::Quote(verb)),
              nearest.empty() ? fmt::format("one of {}", fmt::join(names, ", "))
                              : "did you mean " + nearest.front() + "?");
}

// A name, or the path of a socket.
base::Result<MonitorClient> Open(const Context& context, const CtlOptions& options) {
  const Patience patience = std::chrono::seconds(options.timeout.value_or(kTimeout));
  if (options.name.find('/') != std::string::npos) {
    return MonitorClient::Connect(options.name, options.name, patience);
  }
  TRY(vmm::control::CheckMachineName(options.name));
  const std::string folder = TRY(MachinesFolder(context));
  const auto machine = TRY(vmm::control::FindMachine(folder, options.name));
  return MonitorClient::Connect(options.name, machine.socket, patience);
}

base::Status RunRaw(Context& context, const CtlOptions& options) {
  if (options.arguments.size() != 1) {
    return Fail(Code::kUsage, "qmp takes one JSON object",
                R"(vmm ctl NAME qmp '{"execute": "query-status"}')");
  }
  const auto request = vmm::control::Json::parse(options.arguments.front(), nullptr, false);
  if (!request.is_object()) {
    return Fail(Code::kUsage,
                fmt::format("{}: not a JSON object", base::Quote(options.arguments.front())));
  }
  MonitorClient client = TRY(Open(context, options));
  const auto reply = TRY(client.Send(vmm::control::Text(request)));
  context.out << vmm::control::Text(reply) << '\n';
  if (reply.contains("error")) context.status = static_cast<int>(Code::kKernel);
  return {};
}

void Print(Context& context, std::string_view verb, const vmm::control::Json& answer) {
  if (context.json) {
    PrintJson(context.out, Json(answer));
  } else if (verb == "status") {
    const bool there = answer.is_object() && answer.contains("status");
    const auto status = there ? answer["status"] : vmm::control::Json();
    context.out << (status.is_string() ? status.get<std::string>() : "unknown") << '\n';
  } else if (verb == "balloon") {
    if (!answer.empty()) context.out << BalloonText(answer);
  } else if (verb == "pci") {
    context.out << PciText(answer, context.width, context.colour);
  }
}

// The machine takes it away itself when the guest does not answer, or says that it stays.
base::Status AwaitDeparture(MonitorClient& client, const vmm::control::Json& arguments,
                            std::chrono::seconds beyond) {
  const std::string force = arguments.value("force", "");
  if (force == "true") return {};
  const auto leave = base::ParseDecimal(arguments.value("timeout", ""), kMaxTimeout);
  const auto patience = leave ? std::chrono::seconds(*leave) : vmm::kLeaveTime;
  return client.WaitForDeparture(arguments.value("id", ""), patience + beyond, force == "false");
}

base::Status RunCtl(Context& context, const CtlOptions& options) {
  if (options.timeout && (*options.timeout < 1 || *options.timeout > kMaxTimeout)) {
    return Fail(Code::kUsage,
                fmt::format("--timeout {}: not between 1 and {}", *options.timeout, kMaxTimeout));
  }
  if (options.verb == kRaw) return RunRaw(context, options);
  const ControlRequest request = TRY(MakeControlRequest(options.verb, options.arguments));
  MonitorClient client = TRY(Open(context, options));
  if (options.verb == "device-add" && !options.timeout)
    client.SetPatience(std::chrono::seconds(kPinTimeout));
  const auto answer = TRY(client.Execute(request.command, request.arguments));
  if (options.wait || options.verb == "quit") TRY(client.WaitForEnd());
  if (options.verb == "device-del") {
    TRY(AwaitDeparture(client, request.arguments,
                       std::chrono::seconds(options.timeout.value_or(kTimeout))));
  }
  Print(context, options.verb, answer);
  return {};
}

// What the guest is to have, or the question.
base::Result<ControlRequest> BalloonRequest(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return ControlRequest{"query-balloon", nullptr};
  const auto size = base::ParseSize(arguments.front());
  if (arguments.size() > 1 || !size || *size == 0) {
    return Fail(Code::kUsage, fmt::format("balloon {}: not a size", fmt::join(arguments, " ")),
                "balloon [SIZE], such as 512M: what the guest is to have");
  }
  return ControlRequest{"balloon", vmm::control::Json{{"value", *size}}};
}

void AddOptions(CLI::App& command, CtlOptions& options) {
  command.add_option("NAME", options.name, "The machine's name, or the path of its socket")
      ->type_name("")
      ->required();
  command.add_option("VERB", options.verb, fmt::format("{}", fmt::join(VerbNames(), ", ")))
      ->type_name("")
      ->required();
  command
      .add_option(
          "ARG", options.arguments,
          "balloon [SIZE]; device-add host=DEV id=ID [bus=PORT] [rom=FILE|off] "
          "[config=strict|standard|permissive] [vf-token=UUID], or driver=virtio-blk-pci "
          "file=FILE, driver=virtio-net-pci "
          "type=tap|socket ..., driver=virtio-rng-pci, driver=virtio-console-pci file=FILE, "
          "driver=virtio-balloon-pci with the settings of --disk, --net, --balloon; device-del "
          "id=ID [timeout=S] [force=true|false]; "
          "block-resize id=ID [size=SIZE]")
      ->type_name("[NAME=VALUE...|SIZE]");
  command
      .add_option("--timeout", options.timeout,
                  "Seconds to wait for the machine; 10, for device-add 1800")
      ->type_name("S");
  command.add_flag("--wait", options.wait,
                   "Until the machine has ended and its devices are free (always with quit)");
}

// The machine has a working directory of its own.
std::string AsSent(std::string_view name, const std::string& value) {
  const bool is_path = name == "file" || name == "path" || (name == "rom" && value != "off");
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(value, failed);
  return !is_path || value.empty() || failed ? value : absolute.string();
}

}  // namespace

base::Result<ControlRequest> MakeControlRequest(std::string_view verb,
                                                const std::vector<std::string>& arguments) {
  const auto* const found =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& one) { return one.verb == verb; });
  if (found == kVerbs.end()) return UnknownVerb(verb);
  ControlRequest request{std::string(found->command), nullptr};
  if (!found->takes_arguments) {
    if (arguments.empty()) return request;
    return Fail(Code::kUsage,
                fmt::format("{}: {} takes no argument", base::Quote(arguments.front()), verb));
  }
  if (verb == kBalloon) return BalloonRequest(arguments);
  request.arguments = vmm::control::Json::object();
  for (const std::string& argument : arguments) {
    const size_t sign = argument.find('=');
    if (sign == std::string::npos || sign == 0) {
      return Fail(Code::kUsage, fmt::format("{}: not NAME=VALUE", base::Quote(argument)));
    }
    const std::string name = argument.substr(0, sign);
    request.arguments[name] = AsSent(name, argument.substr(sign + 1));
  }
  if (verb == "device-add" && !request.arguments.contains("driver")) {
    request.arguments["driver"] = "vfio-pci";
  }
  return request;
}

void AddCtlCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<CtlOptions>();
  CLI::App* command = app.add_subcommand("ctl", "Control a running machine");
  AddOptions(*command, *options);
  AddJsonOption(*command, context);
  command->footer(
      "status, pci: what the machine is doing, what its guest sees. pause, resume: its processors\n"
      "stop and go on; assigned devices do not stop. powerdown presses the power button; reset "
      "and\n"
      "quit ask nobody. device-del returns when the guest has let go; after 30 s (timeout=S) the\n"
      "device is taken, or stays with force=false (status 8); with force=true it is taken at once\n"
      "(a Linux guest then plugs no more: its virtio drivers wait for a card that is gone; an\n"
      "assigned card may be taken so). balloon SIZE: the guest is to have so much RAM;\n"
      "without it, what it has. qmp JSON sends one command as it is and prints the reply.\n"
      "Exit status: 3 no such machine, 7 refused by it, 8 no answer in time.");
  command->callback([options, &context] {
    context.run = [options, &context] { return RunCtl(context, *options); };
  });
}

}  // namespace cli
