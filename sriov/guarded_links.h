// A card's table of virtual functions, asked for and changed so that the program never hangs: the
// kernel answers behind the lock of all network interfaces (rtnl), which a driver's stuck remove
// function holds. See sysfs/apart.h.
#pragma once

#include <chrono>
#include <memory>

#include "sriov/vf_links.h"

namespace sriov {

// kTimedOut when the kernel does not answer in time. A change that is late goes on, and is made
// before any that is asked for later: who waits for the lock first has it first. Made for a program
// of one thread (fork).
std::unique_ptr<VfLinks> GuardedVfLinks(std::unique_ptr<VfLinks> links,
                                        std::chrono::milliseconds patience);

}  // namespace sriov
