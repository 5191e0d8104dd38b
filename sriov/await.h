// Waiting for virtual functions to be there for everybody: for the kernel and for udev's rules.
#pragma once

#include <chrono>
#include <functional>

#include "sriov/host.h"
#include "sysfs/tree.h"

namespace sriov {

// How long enabling `count` functions may take: `base` and a second for each, 300 s at most beyond
// `base`. Cards with 64 functions were seen to need 22 s.
std::chrono::milliseconds CountDeadline(std::chrono::milliseconds base, unsigned count);

// Until the links virtfn0 to virtfn(count - 1) exist and, with a watch, udev has announced each of
// them. kTimedOut names what is missing. Without a watch the kernel's word counts: it makes the
// functions within the write.
base::Status AwaitFunctions(const sysfs::Tree& tree, const sysfs::PciAddress& pf, unsigned count,
                            const Watch& watch, std::chrono::milliseconds limit,
                            const std::function<void(unsigned, unsigned)>& progress);

}  // namespace sriov
