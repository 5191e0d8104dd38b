// What the host shows on a display of the device.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

constexpr uint8_t kDisplayClass = 0x03;
constexpr const char* kInstead = "use another display or a serial console";
// What draws on the firmware's framebuffer, and the framebuffer before anything draws: the names of
// their ranges in /proc/iomem (drivers/firmware/sysfb*.c, drivers/video/fbdev, drivers/gpu/drm).
constexpr std::array<std::string_view, 7> kFirmwareDrawers = {
    "BOOTFB", "efifb", "vesafb", "simplefb", "simple-framebuffer", "simpledrm", "efidrm"};

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

// Of a line of /proc/iomem, "    c0000000-c02fffff : efifb".
struct MemoryRange {
  uint64_t start = 0;
  uint64_t end = 0;
  std::string_view name;
};

std::optional<MemoryRange> ParseRange(std::string_view line) {
  constexpr std::string_view kColon = " : ";
  line = base::Trim(line);
  const size_t dash = line.find('-');
  const size_t colon = line.find(kColon);
  if (dash == std::string_view::npos || colon == std::string_view::npos || colon < dash)
    return std::nullopt;
  const auto start = base::ParseHex(line.substr(0, dash));
  const auto end = base::ParseHex(line.substr(dash + 1, colon - dash - 1));
  if (!start || !end || *end == 0) return std::nullopt;  // all zeros without CAP_SYS_ADMIN
  return MemoryRange{*start, *end, line.substr(colon + kColon.size())};
}

bool IsDrawer(std::string_view name) {
  // A device's own name has a number behind it: "simple-framebuffer.0".
  name = name.substr(0, name.find('.'));
  return std::find(kFirmwareDrawers.begin(), kFirmwareDrawers.end(), name) !=
         kFirmwareDrawers.end();
}

// The framebuffer that the firmware left in a BAR. It belongs to a platform device, so that nothing
// below the card shows it. It ends when the card's own driver takes over.
void FindFirmwareDisplay(const Search& search, std::vector<Evidence>& found) {
  if (search.device.base_class() != kDisplayClass) return;
  const std::string text = ReadText(search.tree, "/proc/iomem").value_or(std::string());
  const auto bars = ReadBars(search.tree, search.device.address);
  std::string_view drawer;
  for (const std::string_view line : base::Split(text, '\n')) {
    const auto range = ParseRange(line);
    if (!range || !IsDrawer(range->name)) continue;
    const bool is_own = std::any_of(bars.begin(), bars.end(), [&](const PciBar& bar) {
      return bar.is_memory() && range->start >= bar.start && range->end - bar.start < bar.size;
    });
    if (is_own) drawer = range->name;  // the innermost: who draws, not what is drawn on
  }
  if (drawer.empty()) return;
  found.push_back({UseKind::kDisplay,
                   {search.device.address.ToString(), fmt::format("firmware display ({})", drawer)},
                   fmt::format("the host shows its console on the framebuffer that the firmware "
                               "left in its memory ({})",
                               drawer),
                   ForceReason::kConsole,
                   std::string("boot with initcall_blacklist=sysfb_init, or ") + kInstead});
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
  FindFirmwareDisplay(search, found.evidence);
  FindTextConsole(search, found.evidence);
  FindOutputs(search, found.evidence);
  return found;
}

}  // namespace sysfs
