#include "cli/snapshot/recording_tree.h"

#include <algorithm>
#include <array>
#include <functional>

#include "cli/devices/device_facts.h"
#include "sysfs/base/text.h"
#include "sysfs/evidence/mounts.h"
#include "sysfs/evidence/recorded.h"
#include "sysfs/links.h"

namespace cli {
namespace {

using sysfs::PciAddress;

constexpr std::string_view kDevices = "/sys/bus/pci/devices/";

constexpr std::array<std::string_view, 12> kFolders = {
    "/sys/",           "/dev/",           "/lib/modules/",   "/usr/lib/modules/",
    "/etc/modprobe.d", "/run/modprobe.d", "/lib/modprobe.d", "/usr/lib/modprobe.d",
    "/run/vassign/",   "/proc/driver/",   "/etc/vassign/",   "/var/lib/vassign/pins/",
};
constexpr std::array<std::string_view, 12> kFiles = {
    "/proc/cmdline",
    "/proc/consoles",
    "/proc/cpuinfo",
    "/proc/swaps",
    "/proc/interrupts",
    "/proc/iomem",
    "/proc/kmsg",
    "/proc/self/mountinfo",
    "/proc/sys/kernel/osrelease",
    sysfs::kRecordedAddresses,
    sysfs::kRecordedMounts,
    sysfs::kRecordedRoutes,
};
constexpr std::string_view kBootId = "/proc/sys/kernel/random/boot_id";

std::string Lines(std::string_view text, const std::function<bool(std::string_view)>& counts) {
  std::string kept;
  for (const std::string_view line : base::Split(text, '\n')) {
    if (!line.empty() && counts(line)) kept.append(line).append("\n");
  }
  return kept;
}

bool Has(std::string_view line, std::string_view word) {
  return line.find(word) != std::string_view::npos;
}

// A mounted disk, with its options left away: those of network file systems name users.
std::string Mounts(std::string_view text) {
  std::string kept;
  for (const std::string_view line : base::Split(text, '\n')) {
    const size_t source = line.find(" /dev/");
    if (source == std::string_view::npos) continue;
    const size_t end = std::min(line.find(' ', source + 1), line.size());
    kept.append(line.substr(0, end)).append(" rw\n");
  }
  return kept;
}

// Files that resume a sleeping device (drivers/pci/pci-sysfs.c).
bool AsksTheDevice(std::string_view name) {
  return name == "config" || name.ends_with("_link_speed") || name.ends_with("_link_width") ||
         (name.starts_with("resource") && name.ends_with("_resize"));
}

// Of entries that end with NUL.
std::string VfioAliases(const std::string& text) {
  std::string kept;
  for (const std::string_view entry : base::Split(text, '\0')) {
    if (Has(entry, ".alias=vfio_pci:")) kept.append(entry).push_back('\0');
  }
  return kept;
}

base::Failure Hidden(const std::string& path) { return base::FailErrno(path, ENOENT); }

}  // namespace

bool MayRecord(std::string_view path) {
  const auto begins = [&](std::string_view start) { return path.starts_with(start); };
  if (begins("/run/vassign/sessions") || begins("/run/vassign/locks")) return false;
  return path == kBootId || std::find(kFiles.begin(), kFiles.end(), path) != kFiles.end() ||
         std::any_of(kFolders.begin(), kFolders.end(), begins) ||
         std::find(kFolders.begin(), kFolders.end(), std::string(path) + "/") != kFolders.end();
}

std::string WhatCounts(std::string_view path, std::string text) {
  const std::string_view name = base::LastComponent(path);
  if (path.find("/modprobe.d/") != std::string_view::npos)
    return Lines(text, [](std::string_view line) {
      return line.starts_with("blacklist ") || line.starts_with("options vfio");
    });
  if (path.find("lib/modules/") != std::string_view::npos) {
    if (name == "modules.builtin.modinfo") return VfioAliases(text);
    const std::string_view wanted = name == "modules.alias" ? "alias vfio_pci:" : "vfio";
    return Lines(text, [&](std::string_view line) {
      return Has(line, wanted) || (name != "modules.alias" && Has(line, "iommufd"));
    });
  }
  // Records are texts to the last byte, and a tree's reading takes the last newline away.
  if (path.starts_with("/run/vassign/") || path.starts_with("/var/lib/vassign/"))
    return text + "\n";
  if (name == "mountinfo") return Mounts(text);
  if (path == "/proc/iomem") {
    return Lines(text, [](std::string_view line) {
      return Has(line, "FB") || Has(line, "fb") || Has(line, "simple") || Has(line, "drm");
    });
  }
  // The first processor stands for all.
  if (path == "/proc/cpuinfo") return text.substr(0, text.find("\n\n"));
  return text;
}

void RecordingTree::TellLocked(const sysfs::PciDevice& device) {
  if (device.busy) return;
  const std::string path = device.path();
  Put(path + "/driver_override", device.driver_override.value_or("(null)"));
  if (device.sriov_numvfs) Put(path + "/sriov_numvfs", std::to_string(*device.sriov_numvfs));
}

void RecordingTree::Put(const std::string& path, std::string content) {
  const std::string place = Place(path);
  if (!place.empty()) recording_.files[place] = std::move(content);
}

std::string RecordingTree::Place(const std::string& path) const {
  if (!MayRecord(path)) return {};
  if (path.starts_with("/proc/")) return path;  // its links lead to our own process
  const auto place =
      sysfs::FollowLinks(below_, path, [this](const std::string& link, const std::string& target) {
        recording_.links[link] = target;
      });
  return place && MayRecord(*place) ? *place : "";
}

bool RecordingTree::WouldWake(const std::string& path) const {
  if (!path.starts_with(kDevices) || !AsksTheDevice(base::LastComponent(path))) return false;
  const std::string device = path.substr(0, path.find('/', kDevices.size()));
  return IsAsleep({sysfs::ReadText(below_, device + "/power_state"), std::nullopt,
                   sysfs::ReadText(below_, device + "/power/runtime_status"), std::nullopt});
}

void RecordingTree::NoteDenied(const std::string& path, const base::Error& error) const {
  if (error.code() == base::Code::kDenied) denied_.insert(path);
}

base::Result<std::string> RecordingTree::Read(const std::string& path) const {
  const std::string place = Place(path);
  if (place.empty() || place.starts_with("/dev/") || WouldWake(path)) return Hidden(path);
  const std::string_view name = base::LastComponent(place);
  const auto known = recording_.files.find(place);
  if (known != recording_.files.end()) return known->second;
  if (name == "driver_override" || name == "sriov_numvfs") return Hidden(path);  // was busy
  auto text = below_.Read(path);
  if (!text) {
    NoteDenied(path, text.error());
    return text;
  }
  std::string kept = WhatCounts(place, std::move(*text));
  recording_.files[place] = kept;
  return kept;
}

base::Result<std::vector<std::byte>> RecordingTree::ReadBytes(const std::string& path,
                                                              size_t limit) const {
  const std::string place = Place(path);
  if (place.empty() || place.starts_with("/dev/") || WouldWake(path)) return Hidden(path);
  auto bytes = below_.ReadBytes(path, limit);
  if (!bytes) {
    NoteDenied(path, bytes.error());
    return bytes;
  }
  recording_.files[place].assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  return bytes;
}

base::Result<std::string> RecordingTree::ReadLink(const std::string& path) const {
  const size_t slash = path.rfind('/');
  const std::string folder = Place(path.substr(0, slash + 1));
  const std::string link = folder + path.substr(slash);
  if (folder.empty() || !MayRecord(link) || folder.starts_with("/proc")) return Hidden(path);
  auto target = below_.ReadLink(path);
  if (target) recording_.links[link] = *target;
  return target;
}

base::Result<std::vector<std::string>> RecordingTree::List(const std::string& path) const {
  const std::string place = Place(path);
  if (place.empty()) return Hidden(path);
  auto names = below_.List(path);
  if (!names) return names;
  recording_.folders.insert(place);
  for (const std::string& name : *names) {
    std::string child = place;
    child.append("/").append(name);
    if (!MayRecord(child)) continue;
    if (const auto target = below_.ReadLink(child)) recording_.links[child] = *target;
    recording_.folders.insert(child);
  }
  return names;
}

bool RecordingTree::Exists(const std::string& path) const {
  const std::string place = Place(path);
  if (place.empty() || !below_.Exists(path)) return false;
  recording_.folders.insert(place);
  return true;
}

base::Status RecordingTree::Write(const std::string& path, std::string_view /*value*/) {
  return base::Fail(base::Code::kInternal, path + ": a snapshot writes nothing");
}

}  // namespace cli
