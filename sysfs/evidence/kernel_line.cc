#include "sysfs/evidence/kernel_line.h"

#include <algorithm>
#include <array>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

// Whatever stands between brackets is an IPv6 address; its colons separate nothing.
std::vector<std::string> Fields(std::string_view value) {
  std::vector<std::string> fields(1);
  int depth = 0;
  for (const char c : value) {
    if (c == '[') ++depth;
    if (c == ']' && depth > 0) --depth;
    if (c == ':' && depth == 0) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

// ip=CLIENT:SERVER:GATEWAY:MASK:HOST:DEVICE:..., or dracut's ip=DEVICE:METHOD.
std::string InterfaceOf(std::string_view value) {
  constexpr size_t kDevice = 5;
  const auto fields = Fields(value);
  if (fields.size() > kDevice) return fields[kDevice];
  const bool is_address = fields[0].find('.') != std::string::npos || fields[0].starts_with('[');
  return fields.size() >= 2 && !is_address ? fields[0] : std::string();
}

// BOOTIF=01-52-54-00-01-00-00: the hardware type, then the address.
std::string MacOf(std::string_view value) {
  constexpr size_t kWithType = 20;
  if (value.size() == kWithType) value.remove_prefix(3);
  std::string mac(value);
  for (char& c : mac) {
    if (c == '-') c = ':';
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return mac;
}

// The name and the protocol alone.
std::string Short(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return std::string(word);
  return std::string(word.substr(0, word.find(':', equals)));
}

bool IsNetworkRoot(std::string_view word) {
  constexpr std::array<std::string_view, 12> kStarts = {
      "root=/dev/nfs", "root=nfs", "root=iscsi:",     "root=nbd:", "root=fcoe:",   "root=http",
      "netroot=",      "nfsroot=", "iscsi_initiator", "rd.iscsi.", "iscsi_target", "root=cifs:"};
  return std::any_of(kStarts.begin(), kStarts.end(),
                     [&](std::string_view start) { return word.starts_with(start); });
}

}  // namespace

std::optional<NetworkRoot> ParseNetworkRoot(std::string_view command_line) {
  NetworkRoot root;
  const auto add = [&](std::string name) {
    if (!name.empty()) root.interfaces.push_back(std::move(name));
  };
  for (const std::string_view raw : base::Split(command_line, ' ')) {
    const std::string_view word = base::Trim(raw);
    const std::string_view value = word.substr(std::min(word.find('='), word.size() - 1) + 1);
    if (IsNetworkRoot(word)) {
      if (root.argument.empty()) root.argument = Short(word);
    } else if (word.starts_with("ip=")) {
      add(InterfaceOf(value));
    } else if (word.starts_with("bootdev=")) {
      add(std::string(value));
    } else if (word.starts_with("ifname=")) {
      add(std::string(value.substr(0, value.find(':'))));
    } else if (word.starts_with("BOOTIF=")) {
      root.mac = MacOf(value);
    }
  }
  if (root.argument.empty()) return std::nullopt;
  return root;
}

}  // namespace sysfs
