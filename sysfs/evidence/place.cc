// Where a kernel object sits: paths of sysfs, read as chains from the device.
#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {

bool IsListed(const Tree& tree, const std::string& folder, const std::string& name) {
  const auto names = tree.List(folder);
  return names && std::find(names->begin(), names->end(), name) != names->end();
}

bool IsUsbDevice(std::string_view name) {
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos || !base::ParseDecimal(name.substr(0, dash))) return false;
  const auto ports = base::Split(name.substr(dash + 1), '.');
  return std::all_of(ports.begin(), ports.end(),
                     [](std::string_view port) { return base::ParseDecimal(port).has_value(); });
}

std::vector<std::string> PathTo(std::string_view place, const PciAddress& address) {
  const std::string wanted = address.ToString();
  std::vector<std::string> path;
  std::string usb;
  for (const std::string_view part : base::Split(place, '/')) {
    if (path.empty()) {
      if (part == wanted) path.push_back(wanted);
    } else if (IsUsbDevice(part)) {
      usb = fmt::format("usb {}", part);  // of a tree of hubs the last one
    } else if (const auto function = PciAddress::Parse(part); function && part.size() >= 12) {
      path.emplace_back(part);
    }
  }
  if (!usb.empty()) path.push_back(usb);
  return path;
}

std::vector<std::string> Extend(std::vector<std::string> path, std::string node) {
  path.push_back(std::move(node));
  return path;
}

std::vector<Below> FindBelow(const Tree& tree, const std::string& folder,
                             const PciAddress& address) {
  std::vector<Below> found;
  for (const std::string& name : tree.List(folder).value_or(std::vector<std::string>())) {
    auto target = tree.ReadLink(folder + "/" + name);
    if (!target) continue;
    auto path = PathTo(*target, address);
    if (path.empty()) continue;
    found.push_back({name, std::move(*target), Extend(std::move(path), name)});
  }
  return found;
}

std::string ShellWord(std::string_view text) {
  const bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("/._-+:@%,=").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (is_plain) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string FunctionsInstead(const PciDevice& device) {
  if (device.sriov_totalvfs.value_or(0) == 0) return {};
  const std::string text = ", or assign one of its virtual functions";
  if (device.sriov_numvfs.value_or(0) > 0) return text;
  return fmt::format("{}: vassign sriov set {} 1", text, device.address.ToString());
}

}  // namespace sysfs
