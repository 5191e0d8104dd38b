#include "sysfs/evidence/routes.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

constexpr int kDeepestAncestry = 64;

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

std::string Describe(const HostRoute& route) {
  std::string text = route.is_default() ? "default route" : "route to " + route.destination;
  if (route.count > 1) text += fmt::format(" and {} more", route.count - 1);
  const bool is_main = route.table == RT_TABLE_MAIN;
  if (route.is_ipv6 && !is_main) return text + fmt::format(" (IPv6, table {})", route.table);
  if (!is_main) return text + fmt::format(" (table {})", route.table);
  return route.is_ipv6 ? text + " (IPv6)" : text;
}

std::optional<SshSession> ParseSshConnection(std::string_view value) {
  const auto columns = base::Split(base::Trim(value), ' ');
  if (columns.size() != 4) return std::nullopt;
  for (const std::string_view port : {columns[1], columns[3]}) {
    if (!base::ParseDecimal(port, UINT16_MAX)) return std::nullopt;
  }
  const size_t percent = columns[0].find('%');
  SshSession session;
  session.client = std::string(columns[0].substr(0, percent));
  session.server = std::string(columns[2].substr(0, columns[2].find('%')));
  if (percent != std::string_view::npos) session.zone = std::string(columns[0].substr(percent + 1));
  if (session.client.empty() || session.server.empty()) return std::nullopt;
  return session;
}

std::optional<SshSession> FindSshSession(const Tree& tree, int pid) {
  constexpr std::string_view kVariable = "SSH_CONNECTION=";
  std::string current = fmt::format("{}", pid);
  for (int depth = 0; depth < kDeepestAncestry; ++depth) {
    const auto environment = ReadText(tree, "/proc/" + current + "/environ");
    for (const std::string_view entry :
         base::Split(environment ? std::string_view(*environment) : std::string_view(), '\0')) {
      if (!entry.starts_with(kVariable)) continue;
      auto session = ParseSshConnection(entry.substr(kVariable.size()));
      if (session) return session;
    }
    const auto parent = ParentOf(tree, current);
    if (!parent || *parent == "0" || *parent == current) break;
    current = *parent;
  }
  return std::nullopt;
}

}  // namespace sysfs
