// Parts of the text of a cure.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sysfs/evidence/parts.h"

namespace sysfs {

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
