// The guest's whole user space: the host's busybox with what it needs to run.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace vmm::guest {

struct GuestFile {
  std::string path;  // in the guest
  std::vector<std::byte> bytes;
  unsigned permissions = 0755;
};

// /bin/busybox first; with it its interpreter and libraries unless it is statically linked, which
// is preferred. kUnsupported when the host has none, with the package's name.
base::Result<std::vector<GuestFile>> FindBusybox(const sysfs::Tree& tree);

}  // namespace vmm::guest
