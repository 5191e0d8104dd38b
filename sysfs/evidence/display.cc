// What the host shows on a display of the device.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

constexpr uint8_t kDisplayClass = 0x03;
constexpr const char* kInstead = "use another display or a serial console";

using Names = std::vector<std::string>;

// What draws on the boot display when it has no driver: the console in VGA text mode, or a
// framebuffer that the firmware has set up, which sits at a platform device.
std::optional<std::string> FirmwareConsole(const Tree& tree) {
  const std::string consoles = "/sys/class/vtconsole";
  for (const std::string& name : tree.List(consoles).value_or(Names())) {
    const std::string place = consoles + "/" + name;
    if (ReadText(tree, place + "/name").value_or("").find("VGA") != std::string::npos &&
        ReadDecimal(tree, place + "/bind") == uint64_t{1})
      return "the text console (" + name + ")";
  }
  const std::string framebuffers = "/sys/class/graphics";
  for (const std::string& name : tree.List(framebuffers).value_or(Names())) {
    const auto place = tree.ReadLink(framebuffers + "/" + name);
    if (place && place->find("/platform/") != std::string::npos)
      return "the firmware's framebuffer " + name;
  }
  return std::nullopt;
}

void FindBootDisplay(const Search& search, std::vector<Evidence>& found) {
  const PciDevice& device = search.device;
  if (device.base_class() != kDisplayClass) return;
  if (ReadDecimal(search.tree, device.path() + "/boot_vga").value_or(0) != 1) return;
  const auto user = device.driver ? device.driver : FirmwareConsole(search.tree);
  if (!user) return;
  found.push_back({UseKind::kDisplay,
                   {device.address.ToString(), "boot display"},
                   fmt::format("it is the display that the host booted on, driven by {}", *user),
                   ForceReason::kConsole,
                   kInstead});
}

// The virtual terminal driver that draws on framebuffers, while it is in charge: "vtcon1".
std::optional<std::string> FramebufferConsole(const Tree& tree) {
  const std::string folder = "/sys/class/vtconsole";
  for (const std::string& name : tree.List(folder).value_or(Names())) {
    const std::string place = folder + "/" + name;
    if (ReadText(tree, place + "/name").value_or("").find("frame buffer") == std::string::npos)
      continue;
    if (ReadDecimal(tree, place + "/bind") == uint64_t{1}) return name;
  }
  return std::nullopt;
}

std::optional<uint64_t> FramebufferNumber(std::string_view name) {
  if (!name.starts_with("fb")) return std::nullopt;
  return base::ParseDecimal(name.substr(2));
}

// The console draws on the framebuffer with the lowest number unless told otherwise
// (Documentation/fb/fbcon.rst).
std::optional<uint64_t> FirstFramebuffer(const Tree& tree) {
  std::optional<uint64_t> first;
  for (const std::string& name : tree.List("/sys/class/graphics").value_or(Names())) {
    const auto number = FramebufferNumber(name);
    if (number && (!first || *number < *first)) first = number;
  }
  return first;
}

void FindTextConsole(const Search& search, std::vector<Evidence>& found) {
  const auto own = search.places.FindBelow("/sys/class/graphics", search.device.address);
  if (own.empty()) return;
  const auto console = FramebufferConsole(search.tree);
  const auto first = FirstFramebuffer(search.tree);
  if (!console) return;
  for (const Below& framebuffer : own) {
    const auto number = FramebufferNumber(framebuffer.name);
    if (!number || number != first) continue;
    found.push_back(
        {UseKind::kConsole, Extend(framebuffer.path, "text console (" + *console + ")"),
         fmt::format("the host's text console is on {}", framebuffer.name), ForceReason::kConsole,
         fmt::format("echo 0 > /sys/class/vtconsole/{}/bind, or {}", *console, kInstead)});
  }
}

void FindOutputs(const Search& search, std::vector<Evidence>& found) {
  for (const Below& output : search.places.FindBelow("/sys/class/drm", search.device.address)) {
    if (ReadText(search.tree, "/sys/class/drm/" + output.name + "/status") != "connected") continue;
    found.push_back({UseKind::kDisplay, Extend(output.path, "connected output"),
                     fmt::format("a monitor is connected to {}", output.name), std::nullopt, "",
                     false});
  }
}

}  // namespace

Findings FindDisplayUse(const Search& search) {
  Findings found;
  FindBootDisplay(search, found.evidence);
  FindTextConsole(search, found.evidence);
  FindOutputs(search, found.evidence);
  return found;
}

}  // namespace sysfs
