// Character devices of the function that a process may hold: DRM and sound, RDMA, NVMe controllers,
// clocks, terminals and whatever else a driver registers.
//
// /sys/dev/char has a link for each number, which says where the device sits; `uevent` names its
// node (Documentation/ABI/stable/sysfs-dev).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

// What is lost with a node, by the start of its name below /dev.
struct Family {
  std::string_view start;
  UseKind kind;
  ForceReason reason;
};

// Any other: its holder works with the device.
constexpr std::array<Family, 13> kFamilies = {{
    {"dri/", UseKind::kDisplay, ForceReason::kConsole},
    {"fb", UseKind::kDisplay, ForceReason::kConsole},
    {"drm_dp_aux", UseKind::kDisplay, ForceReason::kConsole},
    {"input/", UseKind::kConsole, ForceReason::kConsole},
    {"tty", UseKind::kConsole, ForceReason::kConsole},
    {"infiniband/", UseKind::kOpen, ForceReason::kNetdev},
    {"ptp", UseKind::kOpen, ForceReason::kNetdev},
    {"vhost-vdpa", UseKind::kOpen, ForceReason::kNetdev},
    {"nvme", UseKind::kOpen, ForceReason::kMounted},
    {"ng", UseKind::kOpen, ForceReason::kMounted},
    {"sg", UseKind::kOpen, ForceReason::kMounted},
    {"bsg/", UseKind::kOpen, ForceReason::kMounted},
    {"nvidia", UseKind::kDisplay, ForceReason::kConsole},
}};

// VFIO has a finder of its own. The mixer of a sound card is always open; only a stream is a use.
bool IsIgnored(std::string_view name) {
  return name.starts_with("vfio/") || (name.starts_with("snd/") && !name.starts_with("snd/pcm"));
}

WatchedNode Watch(const std::string& name, std::vector<std::string> path) {
  WatchedNode watched = {"/dev/" + name, Extend(std::move(path), "/dev/" + name), UseKind::kOpen,
                         ForceReason::kAssigned, false};
  for (const Family& family : kFamilies) {
    if (!name.starts_with(family.start)) continue;
    watched.kind = family.kind;
    watched.reason = family.reason;
    break;
  }
  return watched;
}

std::string NodeName(const Tree& tree, const std::string& number) {
  constexpr std::string_view kKey = "DEVNAME=";
  const auto uevent = ReadText(tree, "/sys/dev/char/" + number + "/uevent");
  for (const std::string_view line :
       base::Split(uevent ? std::string_view(*uevent) : std::string_view(), '\n')) {
    if (line.starts_with(kKey)) return std::string(line.substr(kKey.size()));
  }
  return {};
}

// NVIDIA's own driver makes its nodes without sysfs.
std::string NvidiaNode(const Tree& tree, const PciAddress& address) {
  constexpr std::string_view kKey = "Device Minor:";
  const auto text =
      ReadText(tree, "/proc/driver/nvidia/gpus/" + address.ToString() + "/information");
  for (const std::string_view line :
       base::Split(text ? std::string_view(*text) : std::string_view(), '\n')) {
    if (!line.starts_with(kKey)) continue;
    const auto minor = base::ParseDecimal(base::Trim(line.substr(kKey.size())), 255);
    if (minor) return fmt::format("nvidia{}", *minor);
  }
  return {};
}

}  // namespace

Findings FindNodeUse(const Search& search) {
  const PciAddress& address = search.device.address;
  Findings found;
  for (const Below& below : search.places.FindBelow("/sys/dev/char", address)) {
    if (below.place.find("/vfio-dev/") != std::string::npos) continue;
    const std::string name = NodeName(search.tree, below.name);
    if (name.empty() || IsIgnored(name)) continue;
    auto path = below.path;
    path.pop_back();
    found.nodes.push_back(Watch(name, std::move(path)));
    found.nodes.back().number = ParseDeviceNumber(below.name);
  }
  const bool is_nvidia = search.places.IsListed("/proc/driver/nvidia/gpus", address.ToString());
  const std::string nvidia = is_nvidia ? NvidiaNode(search.tree, address) : "";
  if (!nvidia.empty()) found.nodes.push_back(Watch(nvidia, {address.ToString()}));
  return found;
}

}  // namespace sysfs
