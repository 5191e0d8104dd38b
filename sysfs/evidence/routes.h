// Default routes and the SSH session, as /proc tells them (proc(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

// Interfaces of usable default routes in the text of /proc/net/route.
std::vector<std::string> ParseDefaultRoutes(std::string_view text);
// The same for /proc/net/ipv6_route.
std::vector<std::string> ParseDefaultRoutes6(std::string_view text);

// Our address in SSH_CONNECTION ("client port server port"); empty when it is none.
std::string ParseSshServer(std::string_view value);
// Of the process or its nearest ancestor that has one: sudo takes the variable away from us.
std::string FindSshServer(const Tree& tree, int pid);

}  // namespace sysfs
