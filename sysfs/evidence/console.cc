// Consoles that are no displays: serial ports and keyboards, and what hangs on a USB controller.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sysfs/base/text.h"
#include "sysfs/evidence/parts.h"

namespace sysfs {
namespace {

// Lines of /proc/consoles: "ttyS4   -W- (EC p a)    4:68"; an E says that it is in use.
std::set<std::string> ActiveConsoles(const Tree& tree) {
  std::set<std::string> names;
  const std::string text = ReadText(tree, "/proc/consoles").value_or(std::string());
  for (const std::string_view line : base::Split(text, '\n')) {
    const size_t open = line.find('(');
    const size_t close = line.find(')', std::min(open, line.size()));
    if (close == std::string_view::npos) continue;
    const std::string_view flags = line.substr(open, close - open);
    if (flags.find('E') != std::string_view::npos)
      names.emplace(line.substr(0, line.find_first_of(" \t")));
  }
  return names;
}

void FindSerialConsoles(const Search& search, std::vector<Evidence>& found) {
  const auto consoles = ActiveConsoles(search.tree);
  if (consoles.empty()) return;
  for (const Below& port : search.places.FindBelow("/sys/class/tty", search.device.address)) {
    if (!consoles.contains(port.name)) continue;
    found.push_back({UseKind::kConsole, Extend(port.path, "kernel console"),
                     fmt::format("the kernel writes its messages to {}", port.name),
                     ForceReason::kConsole,
                     fmt::format("take console={} off the kernel's command line", port.name)});
  }
}

// hvc0 hangs on no device (drivers/tty/hvc/hvc_console.c): any virtio console may be behind it.
void FindVirtioConsoles(const Search& search, std::vector<Evidence>& found) {
  const auto consoles = ActiveConsoles(search.tree);
  const auto console = std::find_if(consoles.begin(), consoles.end(), [](const std::string& name) {
    return name.starts_with("hvc");
  });
  if (console == consoles.end()) return;
  const std::string bus = "/sys/bus/virtio/devices";
  for (const Below& device : search.places.FindBelow(bus, search.device.address)) {
    if (LinkName(search.tree, bus + "/" + device.name + "/driver") != "virtio_console") continue;
    found.push_back(
        {UseKind::kConsole, Extend(device.path, "kernel console"),
         fmt::format("the kernel writes its messages to {}, perhaps through it", *console),
         ForceReason::kConsole,
         fmt::format("take console={} off the kernel's command line", *console)});
  }
}

// Words of the key bitmap, the lowest last. A keyboard has the keys 1 to 31, ESC to S, as udev's
// input_id has it.
bool HasKeys(std::string_view bitmap) {
  constexpr uint64_t kEscapeToS = 0xfffffffe;
  const std::string_view text = base::Trim(bitmap);
  const size_t blank = text.rfind(' ');
  const auto lowest =
      base::ParseHex(blank == std::string_view::npos ? text : text.substr(blank + 1));
  return lowest && (*lowest & kEscapeToS) == kEscapeToS;
}

void FindKeyboards(const Search& search, std::vector<Evidence>& found) {
  for (const Below& input : search.places.FindBelow("/sys/class/input", search.device.address)) {
    const std::string place = "/sys/class/input/" + input.name;
    const auto keys = ReadText(search.tree, place + "/capabilities/key");
    if (!keys || !HasKeys(*keys)) continue;
    const std::string name(
        base::Trim(ReadText(search.tree, place + "/name").value_or(std::string())));
    found.push_back(
        {UseKind::kConsole,
         Extend(input.path, "keyboard" + (name.empty() ? "" : " (" + name + ")")),
         fmt::format("a keyboard is connected to it{}", name.empty() ? "" : ": " + name),
         ForceReason::kConsole, "move the keyboard to another controller"});
  }
}

// Worth knowing: what goes to the guest with the controller.
void FindUsbDevices(const Search& search, std::vector<Evidence>& found) {
  std::vector<std::string> titles;
  for (const Below& device :
       search.places.FindBelow("/sys/bus/usb/devices", search.device.address)) {
    if (!IsUsbDevice(device.name)) continue;
    const auto product = ReadText(search.tree, "/sys/bus/usb/devices/" + device.name + "/product");
    titles.push_back(product ? fmt::format("{} ({})", device.name, base::Trim(*product))
                             : device.name);
  }
  if (titles.empty()) return;
  const std::string list = fmt::format("{}", fmt::join(titles, ", "));
  found.push_back({UseKind::kUsb,
                   {search.device.address.ToString(), "USB devices: " + list},
                   "USB devices are connected to it: " + list,
                   std::nullopt,
                   "",
                   false});
}

}  // namespace

Findings FindConsoleUse(const Search& search) {
  Findings found;
  FindSerialConsoles(search, found.evidence);
  FindVirtioConsoles(search, found.evidence);
  FindKeyboards(search, found.evidence);
  FindUsbDevices(search, found.evidence);
  return found;
}

}  // namespace sysfs
