// Next hops that are objects of their own (`ip nexthop`, ip-nexthop(8)), by rtnetlink(7): a route
// names one by its number alone where net.ipv4.nexthop_compat_mode is 0.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "sysfs/base/result.h"

namespace sysfs {

// The indices of the interfaces by which each sends, those of groups too (RTM_GETNEXTHOP, since
// Linux 5.3). Fails when the kernel does not tell all of them.
base::Result<std::map<uint32_t, std::set<int>>> DumpNextHops();

}  // namespace sysfs
