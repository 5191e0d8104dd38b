#include "cli/automation/rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"

namespace cli {
namespace {

constexpr std::string_view kHead =
    R"(# Made by "vassign rules --install" from /etc/vassign; it writes this file anew.
ACTION=="remove", GOTO="vassign_end"
SUBSYSTEM!="pci|vfio-dev", GOTO="vassign_end"
IMPORT{cmdline}="vassign"
ENV{vassign}=="off", GOTO="vassign_end"
)";

// A device that has a driver is left to the unit, which looks at what uses it.
constexpr std::string_view kTail = R"(
SUBSYSTEM!="pci", GOTO="vassign_end"
ACTION=="add", ENV{VASSIGN_DRIVER}=="?*", DRIVER!="?*", ATTR{driver_override}="$env{VASSIGN_DRIVER}"
ENV{VASSIGN_ENTRY}=="?*", TAG+="systemd", ENV{SYSTEMD_ALIAS}+="/sys/bus/pci/devices/$kernel", \
  ENV{SYSTEMD_WANTS}+="vassign@$kernel.service"
LABEL="vassign_end"
)";

// What identifies an entry's device when it appears.
struct Place {
  std::string path;
  std::optional<IdPair> id;
  std::optional<IdPair> subsystem;
  // The entry names one card, by its serial number or MAC address or by the pin: which one sits
  // there is seen when its driver has it, and not before.
  bool is_one_card = false;
};

std::optional<Place> PlaceOf(const Entry& entry,
                             const std::map<std::string, sysfs::Identity>& pinned) {
  const Match& match = entry.match;
  if (match.path) return Place{*match.path, match.id, match.subsystem, match.serial || match.mac};
  const auto pin = pinned.find(entry.name);
  if (pin == pinned.end()) return std::nullopt;
  const sysfs::Identity& card = pin->second;
  return Place{card.path, IdPair{card.vendor, card.device},
               IdPair{card.subsystem_vendor, card.subsystem_device}, true};
}

// udev substitutes $ and %, ends a value at a quote, and an alternative at a bar.
base::Status CheckWord(const Entry& entry, std::string_view key, const std::string& word) {
  const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (is_plain) return {};
  return base::Fail(
      base::Code::kUsage,
      fmt::format("{}: {} {} cannot stand in a udev rule", entry.place, key, base::Quote(word)),
      "letters, digits, '-', '_' and '.' can");
}

std::string IdMatches(const Place& place, std::string_view key = "ATTR") {
  std::string text;
  const auto add = [&](const std::optional<IdPair>& pair, std::string_view prefix) {
    if (!pair) return;
    text += fmt::format(", \\\n  {3}{{{0}vendor}}==\"{1:#06x}\", {3}{{{0}device}}==\"{2:#06x}\"",
                        prefix, pair->vendor, pair->device, key);
  };
  add(place.id, "");
  add(place.subsystem, "subsystem_");
  return text;
}

std::string DeviceRule(const Entry& entry, const Place& place) {
  // A physical function makes its virtual ones when its own driver has it.
  const std::string when = entry.functions ? R"(, DRIVER=="?*")" : "";
  const std::string driver = entry.driver && !place.is_one_card
                                 ? fmt::format(R"(, ENV{{VASSIGN_DRIVER}}="{}")", *entry.driver)
                                 : "";
  return fmt::format(
      "SUBSYSTEM==\"pci\", DEVPATH==\"{}\"{}{}, \\\n  ENV{{VASSIGN_ENTRY}}=\"{}\"{}\n",
      DevicePattern(place.path), IdMatches(place), when, entry.name, driver);
}

// The kernel makes the node of a group without a link to its devices; the unit sees to that one.
std::string AccessRule(const Entry& entry, const Place& place) {
  const Access& access = *entry.access;
  std::string text =
      fmt::format("SUBSYSTEM==\"vfio-dev\", DEVPATH==\"{}/vfio-dev/*\"{}, \\\n  MODE=\"{:04o}\"",
                  DevicePattern(place.path), IdMatches(place, "ATTRS"), access.mode);
  if (access.user) text += fmt::format(", OWNER=\"{}\"", *access.user);
  if (access.group) text += fmt::format(", GROUP=\"{}\"", *access.group);
  return text + "\n";
}

// For a comment: a file's name may hold anything.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, '?');
  return text;
}

std::string PairOrDash(const std::optional<IdPair>& pair) { return pair ? Format(*pair) : "-"; }

base::Status AddEntry(Rules& rules, const Entry& entry, const Place& place) {
  if (entry.driver) TRY(CheckWord(entry, "driver", *entry.driver));
  rules.udev +=
      fmt::format("\n# {} ({})\n{}", entry.name, OneLine(entry.place), DeviceRule(entry, place));
  if (entry.driver && !place.is_one_card) {
    rules.early += fmt::format("{} {} {} {}\n", place.path, PairOrDash(place.id),
                               PairOrDash(place.subsystem), *entry.driver);
  }
  if (!entry.access || !entry.driver) return {};
  if (entry.access->user) TRY(CheckWord(entry, "user", *entry.access->user));
  if (entry.access->group) TRY(CheckWord(entry, "group", *entry.access->group));
  rules.udev += AccessRule(entry, place);
  return {};
}

}  // namespace

std::string DevicePattern(std::string_view path) {
  const auto parts = base::Split(path, '/');
  const std::string_view domain = parts.front().substr(0, parts.front().find(':'));
  std::string_view bus = parts.front().substr(domain.size() + 1);
  std::string pattern = fmt::format("*/pci{}", parts.front());
  for (size_t i = 1; i < parts.size(); ++i) {
    pattern += fmt::format("/{}:{}:{}", domain, bus, parts[i]);
    bus = "??";
  }
  return pattern;
}

base::Result<Rules> MakeRules(const Config& config,
                              const std::map<std::string, sysfs::Identity>& pinned) {
  Rules rules;
  rules.udev = kHead;
  for (const Entry& entry : config) {
    if (const auto place = PlaceOf(entry, pinned)) {
      TRY(AddEntry(rules, entry, *place));
    } else {
      rules.uncovered.push_back(fmt::format(
          "{} ({}): where its device is plugged in is not known yet; vassign apply finds out, then "
          "vassign rules --install again",
          entry.name, entry.place));
    }
  }
  rules.udev += kTail;
  return rules;
}

}  // namespace cli
