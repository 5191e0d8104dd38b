// Where the declarative file is found, and how vassign writes one (cli/config/config.h).
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "cli/config/config.h"

namespace cli {
namespace {

constexpr const char* kFile = "/etc/vassign/vassign.toml";
constexpr const char* kFolder = "/etc/vassign/conf.d";

// As a TOML basic string; control characters cannot come here (ParseConfig, sysfs attributes).
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return quoted + '"';
}

std::string MatchText(const Match& match) {
  std::string text;
  const auto add = [&](std::string_view key, const std::string& value) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, Quoted(value));
  };
  if (match.path) add("path", *match.path);
  if (match.address) add("address", match.address->ToString());
  if (match.id) add("id", Format(*match.id));
  if (match.subsystem) add("subsystem", Format(*match.subsystem));
  if (match.serial) add("serial", *match.serial);
  if (match.mac) add("mac", *match.mac);
  return text;
}

std::string SettingsText(unsigned index, const sriov::VfSettings& settings) {
  const sriov::VfAttributes& attributes = settings.attributes;
  std::string text = fmt::format("[[device.sriov.vf]]\nindex = {}\n", index);
  if (attributes.mac) text += fmt::format("mac = {}\n", Quoted(attributes.mac->ToString()));
  if (attributes.vlan)
    text += fmt::format("vlan = {}\nqos = {}\n", attributes.vlan->id, attributes.vlan->qos);
  if (attributes.trust) text += fmt::format("trust = {}\n", *attributes.trust);
  if (attributes.spoof_check) text += fmt::format("spoof-check = {}\n", *attributes.spoof_check);
  if (attributes.rates) {
    text +=
        fmt::format("min-rate = {}\nmax-rate = {}\n", attributes.rates->min, attributes.rates->max);
  }
  if (attributes.link) text += fmt::format("link = \"{}\"\n", sriov::Name(*attributes.link));
  if (settings.msix_count) text += fmt::format("msix-count = {}\n", *settings.msix_count);
  return text;
}

std::string_view DriverText(sriov::Drivers drivers) {
  switch (drivers) {
    case sriov::Drivers::kVfio:
      return "vfio-pci";
    case sriov::Drivers::kNone:
      return "none";
    default:
      return "auto";
  }
}

std::string AccessText(const Access& access) {
  std::string text = fmt::format("mode = \"{:04o}\"", access.mode);
  if (access.user) text += ", user = " + Quoted(*access.user);
  if (access.group) text += ", group = " + Quoted(*access.group);
  return text;
}

base::Result<std::vector<std::string>> ListFiles(const sysfs::Tree& tree) {
  std::vector<std::string> files;
  if (tree.Exists(kFile)) files.emplace_back(kFile);
  const auto names = tree.List(kFolder);
  if (!names && names.error().err() != ENOENT && names.error().code() != base::Code::kNotFound)
    return base::Failure(names.error());
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    if (name.ends_with(".toml") && !name.starts_with("."))
      files.push_back(std::string(kFolder) + "/" + name);
  }
  return files;
}

}  // namespace

base::Result<Config> ReadConfig(const sysfs::Tree& tree) {
  const auto files = TRY(ListFiles(tree));
  if (files.empty()) {
    return base::Fail(base::Code::kNotFound,
                      fmt::format("there is no {} and no file in {}", kFile, kFolder),
                      "man vassign.toml shows an example; vassign bind --persist DEV writes one");
  }
  Config config;
  for (const std::string& file : files)
    config = Merge(std::move(config), TRY(ParseConfig(TRY(tree.Read(file)), file)));
  return config;
}

Config Merge(Config earlier, Config later) {
  for (Entry& entry : later) {
    const auto same = std::find_if(earlier.begin(), earlier.end(),
                                   [&](const Entry& one) { return one.name == entry.name; });
    if (same == earlier.end()) {
      earlier.push_back(std::move(entry));
    } else {
      *same = std::move(entry);
    }
  }
  return earlier;
}

std::string FormatEntry(const Entry& entry) {
  std::string text = fmt::format("[[device]]\nname = {}\nmatch = {{ {} }}\n", Quoted(entry.name),
                                 MatchText(entry.match));
  if (entry.driver) text += fmt::format("driver = {}\n", Quoted(*entry.driver));
  if (entry.group) text += "group = true\n";
  if (entry.optional) text += "optional = true\n";
  if (!entry.force.empty()) {
    std::string words;
    for (const sysfs::ForceReason reason : entry.force)
      words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", sysfs::Name(reason));
    text += fmt::format("force = [{}]\n", words);
  }
  if (entry.access) text += fmt::format("access = {{ {} }}\n", AccessText(*entry.access));
  if (!entry.functions) return text;
  text += fmt::format("[device.sriov]\ncount = {}\ndriver = \"{}\"\n", entry.functions->count,
                      DriverText(entry.functions->drivers));
  for (const auto& [index, settings] : entry.functions->settings)
    text += SettingsText(index, settings);
  return text;
}

}  // namespace cli
