#include "cli/declared/access.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace cli {
namespace {

base::Failure Unknown(std::string_view kind, const std::string& name) {
  return base::Fail(base::Code::kUsage, fmt::format("access: this host has no {} {}", kind, name),
                    fmt::format("getent {} {}", kind == "user" ? "passwd" : "group", name));
}

}  // namespace

Nodes HostNodes() {
  Nodes nodes;
  nodes.read = [](const std::string& path) -> base::Result<NodeState> {
    struct stat state = {};
    if (::stat(path.c_str(), &state) < 0) return base::FailErrno(path, errno);
    return NodeState{state.st_uid, state.st_gid, state.st_mode & 07777};
  };
  nodes.write = [](const std::string& path, const NodeState& state) -> base::Status {
    if (::chown(path.c_str(), state.user, state.group) < 0 || ::chmod(path.c_str(), state.mode) < 0)
      return base::FailErrno("give access to " + path, errno);
    return {};
  };
  return nodes;
}

base::Result<NodeState> StateOf(const Access& access) {
  NodeState state = {0, 0, access.mode};
  if (access.user) {
    const passwd* user = ::getpwnam(access.user->c_str());
    if (!user) return Unknown("user", *access.user);
    state.user = user->pw_uid;
  }
  if (access.group) {
    const group* found = ::getgrnam(access.group->c_str());
    if (!found) return Unknown("group", *access.group);
    state.group = found->gr_gid;
  }
  return state;
}

base::Result<std::vector<AccessChange>> PlanAccess(const Nodes& nodes, const Access& access,
                                                   const std::vector<std::string>& paths) {
  const NodeState wanted = TRY(StateOf(access));
  std::vector<AccessChange> changes;
  for (const std::string& path : paths) {
    const auto now = nodes.read(path);
    if (!now && now.error().err() == ENOENT) continue;
    if (!now) return base::Failure(now.error());
    if (*now != wanted) changes.push_back({path, *now, wanted});
  }
  return changes;
}

base::Status Perform(const Nodes& nodes, const std::vector<AccessChange>& changes) {
  for (const AccessChange& change : changes) TRY(nodes.write(change.node, change.to));
  return {};
}

std::string Format(const AccessChange& change) {
  return fmt::format("chown {0}:{1} {3} && chmod {2:04o} {3}", change.to.user, change.to.group,
                     change.to.mode, change.node);
}

}  // namespace cli
