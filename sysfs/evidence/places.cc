#include "sysfs/evidence/places.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr std::string_view kCharacterDevices = "/sys/dev/char";
constexpr size_t kFullAddress = 12;  // 0000:08:00.0

// The functions on the way, each once.
std::set<PciAddress> FunctionsOf(std::string_view place) {
  std::set<PciAddress> functions;
  for (const std::string_view part : base::Split(place, '/')) {
    if (part.size() < kFullAddress) continue;
    if (const auto function = PciAddress::Parse(part)) functions.insert(*function);
  }
  return functions;
}

// ".../virtual/vfio/14" is /dev/vfio/14, ".../vfio-dev/vfio3" is /dev/vfio/devices/vfio3.
std::string VfioNode(std::string_view place) {
  const std::string name(base::LastComponent(place));
  if (place.find("/vfio-dev/") != std::string_view::npos) return "/dev/vfio/devices/" + name;
  return place.find("/virtual/vfio/") != std::string_view::npos ? "/dev/vfio/" + name : "";
}

}  // namespace

std::vector<std::string> PathTo(std::string_view place, const PciAddress& address) {
  const std::string wanted = address.ToString();
  std::vector<std::string> path;
  std::string usb;
  for (const std::string_view part : base::Split(place, '/')) {
    if (path.empty()) {
      if (part == wanted) path.push_back(wanted);
    } else if (IsUsbDevice(part)) {
      usb = fmt::format("usb {}", part);  // of a tree of hubs the last one
    } else if (const auto function = PciAddress::Parse(part);
               function && part.size() >= kFullAddress) {
      path.emplace_back(part);
    }
  }
  if (!usb.empty()) path.push_back(usb);
  return path;
}

bool IsUsbDevice(std::string_view name) {
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos || !base::ParseDecimal(name.substr(0, dash))) return false;
  const auto ports = base::Split(name.substr(dash + 1), '.');
  return std::all_of(ports.begin(), ports.end(),
                     [](std::string_view port) { return base::ParseDecimal(port).has_value(); });
}

std::optional<uint64_t> ParseDeviceNumber(std::string_view text) {
  const auto parts = base::Split(text, ':');
  if (parts.size() != 2) return std::nullopt;
  const auto major = base::ParseDecimal(parts[0], UINT32_MAX);
  const auto minor = base::ParseDecimal(parts[1], UINT32_MAX);
  if (!major || !minor) return std::nullopt;
  return gnu_dev_makedev(static_cast<unsigned>(*major), static_cast<unsigned>(*minor));
}

std::vector<std::string> Extend(std::vector<std::string> path, std::string node) {
  path.push_back(std::move(node));
  return path;
}

const Places::Folder& Places::Look(std::string_view folder) const {
  const auto seen = folders_.find(folder);
  if (seen != folders_.end()) return seen->second;
  const std::string path(folder);
  Folder& found = folders_[path];
  for (const std::string& name : tree_.List(path).value_or(std::vector<std::string>())) {
    const auto place = tree_.ReadLink(path + "/" + name);
    if (!place) continue;
    for (const PciAddress& function : FunctionsOf(*place))
      found.below.insert({function, {name, *place}});
    if (folder != kCharacterDevices) continue;
    const std::string node = VfioNode(*place);
    const auto number = ParseDeviceNumber(name);
    if (!node.empty() && number) found.vfio[node] = *number;
  }
  return found;
}

std::vector<Below> Places::FindBelow(std::string_view folder, const PciAddress& address) const {
  std::vector<Below> found;
  const auto [first, last] = Look(folder).below.equal_range(address);
  for (auto entry = first; entry != last; ++entry) {
    const auto& [name, place] = entry->second;
    found.push_back({name, place, Extend(PathTo(place, address), name)});
  }
  return found;
}

const std::set<std::string>& Places::NamesIn(std::string_view folder) const {
  const auto seen = names_.find(folder);
  if (seen != names_.end()) return seen->second;
  const std::string path(folder);
  const auto names = tree_.List(path).value_or(std::vector<std::string>());
  std::set<std::string>& found = names_[path];
  found.insert(names.begin(), names.end());
  return found;
}

std::optional<uint64_t> Places::VfioNumber(const std::string& node) const {
  const auto& numbers = Look(kCharacterDevices).vfio;
  const auto number = numbers.find(node);
  if (number == numbers.end()) return std::nullopt;
  return number->second;
}

}  // namespace sysfs
