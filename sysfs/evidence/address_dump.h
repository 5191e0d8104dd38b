// The addresses of interfaces in the calling thread's network namespace by rtnetlink(7).
#pragma once

#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/evidence/evidence.h"

namespace sysfs {

// Of interfaces that are up, under the interface's own name: an address may have a label beside it
// ("eth0:1"), which getifaddrs(3) gives in its place. Fails when the kernel does not tell all.
base::Result<std::vector<HostAddress>> DumpAddresses();

}  // namespace sysfs
