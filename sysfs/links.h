// Following links through a tree, one component after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sysfs/tree.h"

namespace sysfs {

// Called with the place of each link on the way, itself without links before it, and its target.
using LinkNote = std::function<void(const std::string& link, const std::string& target)>;

// The path without links, whether something is there or not; empty for the root. Nothing when there
// are more links than the kernel follows (path_resolution(7)).
std::optional<std::string> FollowLinks(const Tree& tree, std::string_view path,
                                       const LinkNote& note = {});

}  // namespace sysfs
