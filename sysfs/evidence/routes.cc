#include "sysfs/evidence/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr uint64_t kRouteUp = 0x0001;      // RTF_UP
constexpr uint64_t kRouteReject = 0x0200;  // RTF_REJECT
constexpr int kDeepestAncestry = 64;

// The columns of a line, whatever stands between them.
std::vector<std::string_view> Columns(std::string_view line) {
  std::vector<std::string_view> columns;
  while (true) {
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) return columns;
    line.remove_prefix(first);
    const size_t end = line.find_first_of(" \t");
    columns.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return columns;
    line.remove_prefix(end);
  }
}

bool IsZero(std::string_view digits) {
  return !digits.empty() && digits.find_first_not_of('0') == std::string_view::npos;
}

bool IsUsable(std::string_view flags) {
  const auto value = base::ParseHex(flags);
  return value && (*value & kRouteUp) != 0 && (*value & kRouteReject) == 0;
}

void AddOnce(std::vector<std::string>& names, std::string_view name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

std::optional<std::string> ParentOf(const Tree& tree, const std::string& pid) {
  const auto status = ReadText(tree, "/proc/" + pid + "/status");
  if (!status) return std::nullopt;
  constexpr std::string_view kKey = "PPid:";
  for (const std::string_view line : base::Split(*status, '\n')) {
    if (line.starts_with(kKey)) return std::string(base::Trim(line.substr(kKey.size())));
  }
  return std::nullopt;
}

}  // namespace

// Iface Destination Gateway Flags RefCnt Use Metric Mask ...
std::vector<std::string> ParseDefaultRoutes(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view line : base::Split(text, '\n')) {
    const auto columns = Columns(line);
    if (columns.size() >= 8 && IsZero(columns[1]) && IsUsable(columns[3]) && IsZero(columns[7]))
      AddOnce(names, columns[0]);
  }
  return names;
}

// Destination PrefixLength Source PrefixLength NextHop Metric RefCnt Use Flags Iface
std::vector<std::string> ParseDefaultRoutes6(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view line : base::Split(text, '\n')) {
    const auto columns = Columns(line);
    if (columns.size() == 10 && IsZero(columns[0]) && IsZero(columns[1]) && IsUsable(columns[8]) &&
        columns[9] != "lo")
      AddOnce(names, columns[9]);
  }
  return names;
}

std::string ParseSshServer(std::string_view value) {
  const auto columns = Columns(value);
  if (columns.size() != 4) return {};
  // An IPv6 link-local address carries its zone.
  return std::string(columns[2].substr(0, columns[2].find('%')));
}

std::string FindSshServer(const Tree& tree, int pid) {
  constexpr std::string_view kVariable = "SSH_CONNECTION=";
  std::string current = fmt::format("{}", pid);
  for (int depth = 0; depth < kDeepestAncestry; ++depth) {
    const auto environment = ReadText(tree, "/proc/" + current + "/environ");
    for (const std::string_view entry :
         base::Split(environment ? std::string_view(*environment) : std::string_view(), '\0')) {
      if (!entry.starts_with(kVariable)) continue;
      std::string server = ParseSshServer(entry.substr(kVariable.size()));
      if (!server.empty()) return server;
    }
    const auto parent = ParentOf(tree, current);
    if (!parent || *parent == "0" || *parent == current) break;
    current = *parent;
  }
  return {};
}

}  // namespace sysfs
