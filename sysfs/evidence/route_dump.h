// The kernel's routing tables by rtnetlink(7): all tables, both families, and its choice of a
// route.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/evidence/routes.h"

namespace sysfs {

// Routes that send packets out, without those that the kernel makes for an address. Each default
// route; of the others one for each interface, table and family, with their number. Fails
// when the kernel does not tell all of them.
base::Result<std::vector<HostRoute>> DumpRoutes();

// The interface by which the kernel would reach a numeric address (RTM_GETROUTE).
std::optional<std::string> RouteTo(const std::string& address);

}  // namespace sysfs
