// Which processes have a device node open: what /proc/PID/fd says. Without privilege only the
// user's own processes can be seen.
#pragma once

#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace vfio {

struct Holder {
  int pid = 0;
  std::string command;  // /proc/PID/comm; empty when not readable
  bool operator==(const Holder&) const = default;
};

// In the order of their numbers, the calling process included.
std::vector<Holder> FindHolders(const sysfs::Tree& tree, const std::string& node);

}  // namespace vfio
