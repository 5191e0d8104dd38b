#include "sysfs/links.h"

namespace sysfs {

std::optional<std::string> FollowLinks(const Tree& tree, std::string_view path,
                                       const LinkNote& note) {
  constexpr int kMostLinks = 40;
  std::string rest(path);
  std::string done;
  for (int links = 0; !rest.empty();) {
    const size_t slash = rest.find('/');
    const std::string part = rest.substr(0, slash);
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      done.erase(done.empty() ? 0 : done.rfind('/'));
      continue;
    }
    const std::string next = done + "/" + part;
    const auto target = tree.ReadLink(next);
    if (!target) {
      done = next;
      continue;
    }
    if (++links > kMostLinks) return std::nullopt;
    if (note) note(next, *target);
    if (target->starts_with('/')) done.clear();
    rest = *target + "/" + rest;
  }
  return done;
}

}  // namespace sysfs
