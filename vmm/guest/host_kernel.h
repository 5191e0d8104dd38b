// The kernel that the default guest boots: the one that runs on the host.
#pragma once

#include <string>
#include <string_view>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace vmm::guest {

// The running kernel's release, as `uname -r` says it.
base::Result<std::string> RunningRelease(const sysfs::Tree& tree);
// Where the distributions put the image of a release. kUnsupported names the files that were looked
// for.
base::Result<std::string> FindKernel(const sysfs::Tree& tree, std::string_view release);

}  // namespace vmm::guest
