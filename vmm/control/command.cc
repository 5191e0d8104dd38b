#include "vmm/control/command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "sysfs/base/text.h"

namespace vmm::control {
namespace {

constexpr size_t kMaxId = 64;

struct NamedVerb {
  std::string_view name;
  Verb verb;
};
// Commands without arguments, but qmp_capabilities' "enable".
constexpr std::array kVerbs = {
    NamedVerb{"cont", Verb::kCont},
    NamedVerb{"qmp_capabilities", Verb::kCapabilities},
    NamedVerb{"query-balloon", Verb::kQueryBalloon},
    NamedVerb{"query-block", Verb::kQueryBlock},
    NamedVerb{"query-commands", Verb::kQueryCommands},
    NamedVerb{"query-kvm", Verb::kQueryKvm},
    NamedVerb{"query-name", Verb::kQueryName},
    NamedVerb{"query-pci", Verb::kQueryPci},
    NamedVerb{"query-status", Verb::kQueryStatus},
    NamedVerb{"query-version", Verb::kQueryVersion},
    NamedVerb{"quit", Verb::kQuit},
    NamedVerb{"stop", Verb::kStop},
    NamedVerb{"system_powerdown", Verb::kPowerdown},
    NamedVerb{"system_reset", Verb::kReset},
};
constexpr std::string_view kBalloon = "balloon";
constexpr std::string_view kDeviceAdd = "device_add";
constexpr std::string_view kDeviceDel = "device_del";
constexpr std::string_view kBlockResize = "block_resize";

tl::unexpected<Refusal> Refuse(std::string text) {
  return tl::unexpected(Refusal{"GenericError", std::move(text)});
}

// The arguments are text in QEMU's device_add; a number or a boolean is none.
Answer<std::string> TakeText(Json& arguments, const char* name, bool required) {
  const auto found = arguments.find(name);
  if (found == arguments.end()) {
    if (!required) return std::string();
    return Refuse(fmt::format("Parameter '{}' is missing", name));
  }
  if (!found->is_string()) {
    return Refuse(fmt::format("Invalid parameter type for '{}', expected: string", name));
  }
  std::string text = found->get<std::string>();
  arguments.erase(found);
  if (text.empty()) return Refuse(fmt::format("Parameter '{}' is empty", name));
  return text;
}

Answer<void> CheckNoneLeft(const Json& arguments) {
  if (arguments.empty()) return {};
  return Refuse(fmt::format("Parameter {} is unexpected", base::Quote(arguments.begin().key())));
}

// "05", "05.0" or "0x5.0", as QEMU takes it.
Answer<uint8_t> ParseDevfn(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  const auto parts = base::Split(digits, '.');
  const auto slot = base::ParseHex(parts.front(), 0x1f);
  const auto function = parts.size() == 2 ? base::ParseHex(parts.back(), 7) : uint64_t{0};
  if (parts.size() > 2 || !slot || !function) {
    return Refuse(
        fmt::format("Parameter 'addr' expects SLOT or SLOT.FUNCTION, not {}", base::Quote(text)));
  }
  return static_cast<uint8_t>(*slot * 8 + *function);
}

// A function that returns Answer cannot use TRY, which makes a base::Failure.
#define TAKE_OR_RETURN(name, expression)                            \
  auto name##_answer = (expression);                                \
  if (!name##_answer) return tl::unexpected(name##_answer.error()); \
  auto name = std::move(*name##_answer)

// A setting may be text, a number or a boolean.
Answer<EmulatedSetting> SettingOf(const std::string& name, const Json& value) {
  if (value.is_string()) return EmulatedSetting{name, value.get<std::string>()};
  if (value.is_boolean() || value.is_number_unsigned()) return EmulatedSetting{name, value.dump()};
  return Refuse(fmt::format("Invalid parameter type for {}, expected: string", base::Quote(name)));
}

Answer<Command> ParseEmulatedAdd(const std::string& driver, Json arguments) {
  const auto drivers = EmulatedDrivers();
  if (std::find(drivers.begin(), drivers.end(), driver) == drivers.end()) {
    return Refuse(fmt::format("{} is not a driver of this machine: vfio-pci, {}",
                              base::Quote(driver), fmt::join(drivers, ", ")));
  }
  TAKE_OR_RETURN(id, TakeText(arguments, "id", false));
  TAKE_OR_RETURN(bus, TakeText(arguments, "bus", false));
  EmulatedAdd add{driver, std::move(id), std::move(bus), {}};
  if (!add.id.empty()) {
    if (auto checked = CheckDeviceId(add.id); !checked)
      return tl::unexpected(RefusalOf(checked.error()));
  }
  for (const auto& [name, value] : arguments.items()) {
    TAKE_OR_RETURN(setting, SettingOf(name, value));
    add.settings.push_back(std::move(setting));
  }
  return add;
}

Answer<Command> ParseDeviceAdd(Json arguments) {
  TAKE_OR_RETURN(driver, TakeText(arguments, "driver", true));
  if (driver != "vfio-pci") return ParseEmulatedAdd(driver, std::move(arguments));
  TAKE_OR_RETURN(host, TakeText(arguments, "host", true));
  TAKE_OR_RETURN(id, TakeText(arguments, "id", false));
  TAKE_OR_RETURN(bus, TakeText(arguments, "bus", false));
  TAKE_OR_RETURN(addr, TakeText(arguments, "addr", false));
  TAKE_OR_RETURN(rom, TakeText(arguments, "rom", false));
  TAKE_OR_RETURN(romfile, TakeText(arguments, "romfile", false));
  TAKE_OR_RETURN(token, TakeText(arguments, "vf-token", false));
  TAKE_OR_RETURN(config, TakeText(arguments, "config", false));
  if (auto none = CheckNoneLeft(arguments); !none) return tl::unexpected(none.error());
  const auto address = sysfs::PciAddress::Parse(host);
  if (!address) {
    return Refuse(fmt::format("Parameter 'host' expects a PCI address, not {}", base::Quote(host)));
  }
  if (!rom.empty() && !romfile.empty())
    return Refuse("Parameters 'rom' and 'romfile' mean the same");
  if (romfile == "off") romfile = "./off";
  DeviceAdd add{*address, std::move(id), std::move(bus), {}, rom.empty() ? romfile : rom};
  if (add.id.empty()) {
    add.id = address->ToString();
  } else if (auto checked = CheckDeviceId(add.id); !checked) {
    return tl::unexpected(RefusalOf(checked.error()));
  }
  if (!addr.empty()) {
    TAKE_OR_RETURN(devfn, ParseDevfn(addr));
    add.devfn = devfn;
  }
  if (!token.empty()) {
    const auto parsed = vfio::VfToken::Parse(token);
    if (!parsed) return tl::unexpected(RefusalOf(parsed.error()));
    add.token = *parsed;
  }
  if (!config.empty()) {
    const auto policy = assigned::ParsePolicy(config);
    if (!policy) return tl::unexpected(RefusalOf(policy.error()));
    add.config = *policy;
  }
  return add;
}

Answer<Command> ParseDeviceDel(Json arguments) {
  TAKE_OR_RETURN(id, TakeText(arguments, "id", true));
  DeviceDel remove{std::move(id)};
  if (arguments.contains("force")) {
    // A command line has text alone.
    const Json& force = arguments["force"];
    if (force != true && force != false && force != "true" && force != "false")
      return Refuse("Parameter 'force' expects true or false");
    remove.force = force == true || force == "true";
    arguments.erase("force");
  }
  if (const auto timeout = arguments.find("timeout"); timeout != arguments.end()) {
    std::optional<uint64_t> seconds;
    if (timeout->is_number_unsigned()) seconds = timeout->get<uint64_t>();
    if (timeout->is_string()) seconds = base::ParseDecimal(timeout->get<std::string>());
    if (!seconds || *seconds < 1 || *seconds > kMaxLeaveTime)
      return Refuse(fmt::format("Parameter 'timeout' expects 1 to {} seconds", kMaxLeaveTime));
    if (remove.force.value_or(false))
      return Refuse("Parameter 'timeout' goes with force=false or without 'force'");
    remove.timeout = static_cast<unsigned>(*seconds);
    arguments.erase(timeout);
  }
  if (auto none = CheckNoneLeft(arguments); !none) return tl::unexpected(none.error());
  return remove;
}

// A number as QEMU has it, or text such as 10G.
Answer<Command> ParseBlockResize(Json arguments) {
  TAKE_OR_RETURN(device, TakeText(arguments, "device", false));
  TAKE_OR_RETURN(id, TakeText(arguments, "id", device.empty()));
  if (!device.empty() && !id.empty()) return Refuse("Parameters 'id' and 'device' mean the same");
  BlockResize resize{device.empty() ? std::move(id) : std::move(device), {}};
  if (const auto size = arguments.find("size"); size != arguments.end()) {
    if (size->is_number_unsigned()) resize.bytes = size->get<uint64_t>();
    if (size->is_string()) resize.bytes = base::ParseSize(size->get<std::string>());
    if (!resize.bytes) return Refuse("Parameter 'size' expects a size");
    arguments.erase(size);
  }
  if (auto none = CheckNoneLeft(arguments); !none) return tl::unexpected(none.error());
  return resize;
}
#undef TAKE_OR_RETURN

Answer<Command> ParseBalloon(Json arguments) {
  const auto value = arguments.find("value");
  if (value == arguments.end()) return Refuse("Parameter 'value' is missing");
  if (!value->is_number_unsigned() || *value == 0) {
    return Refuse("Parameter 'value' expects a number of bytes that is not 0");
  }
  const Balloon balloon{value->get<uint64_t>()};
  arguments.erase(value);
  if (auto none = CheckNoneLeft(arguments); !none) return tl::unexpected(none.error());
  return balloon;
}

Answer<Command> ParseVerb(Verb verb, Json arguments) {
  if (verb == Verb::kCapabilities && arguments.contains("enable")) {
    // None is offered, so that only an empty list can be asked for.
    if (!arguments["enable"].is_array() || !arguments["enable"].empty()) {
      return Refuse("Parameter 'enable' names a capability that is not offered");
    }
    arguments.erase("enable");
  }
  if (auto none = CheckNoneLeft(arguments); !none) return tl::unexpected(none.error());
  return verb;
}

Answer<Command> ParseCommand(const std::string& name, Json arguments) {
  if (name == kDeviceAdd) return ParseDeviceAdd(std::move(arguments));
  if (name == kBalloon) return ParseBalloon(std::move(arguments));
  if (name == kDeviceDel) return ParseDeviceDel(std::move(arguments));
  if (name == kBlockResize) return ParseBlockResize(std::move(arguments));
  const auto* const found =
      std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& one) { return one.name == name; });
  if (found != kVerbs.end()) return ParseVerb(found->verb, std::move(arguments));
  return tl::unexpected(
      Refusal{"CommandNotFound", fmt::format("There is no command {}", base::Quote(name))});
}

Answer<Command> ParseMembers(Json members) {
  members.erase("id");
  const auto execute = members.find("execute");
  if (execute == members.end()) return Refuse("QMP input lacks member 'execute'");
  if (!execute->is_string()) return Refuse("QMP input member 'execute' must be a string");
  const std::string name = execute->get<std::string>();
  members.erase(execute);
  Json arguments = Json::object();
  if (const auto found = members.find("arguments"); found != members.end()) {
    if (!found->is_object()) return Refuse("QMP input member 'arguments' must be an object");
    arguments = std::move(*found);
    members.erase(found);
  }
  if (!members.empty()) {
    return Refuse(
        fmt::format("QMP input member {} is unexpected", base::Quote(members.begin().key())));
  }
  return ParseCommand(name, std::move(arguments));
}

}  // namespace

Refusal RefusalOf(const base::Error& error) {
  if (error.hint().empty()) return {"GenericError", error.message()};
  return {"GenericError", fmt::format("{} (cure: {})", error.message(), error.hint())};
}

Request ParseRequest(std::string_view text) {
  Json members = Json::parse(text, nullptr, false);
  if (members.is_discarded()) return {{}, Refuse("Invalid JSON syntax")};
  if (!members.is_object()) return {{}, Refuse("QMP input must be a JSON object")};
  Request request{{}, Verb::kQueryStatus};
  if (const auto id = members.find("id"); id != members.end()) request.id = *id;
  request.command = ParseMembers(std::move(members));
  return request;
}

std::vector<std::string_view> CommandNames() {
  std::vector<std::string_view> names = {kBalloon, kBlockResize, kDeviceAdd, kDeviceDel};
  for (const NamedVerb& one : kVerbs) names.push_back(one.name);
  std::sort(names.begin(), names.end());
  return names;
}

base::Status CheckDeviceId(std::string_view id) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto other = [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  const bool good =
      !id.empty() && id.size() <= kMaxId && letter(id.front()) &&
      std::all_of(id.begin(), id.end(), [&](char c) { return letter(c) || other(c); });
  if (good) return {};
  return base::Fail(base::Code::kUsage, fmt::format("id={}: not an id", base::Quote(id)),
                    "a letter, then letters, digits, '-', '.' and '_', at most 64");
}

}  // namespace vmm::control
