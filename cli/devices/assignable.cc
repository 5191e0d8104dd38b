#include "cli/devices/assignable.h"

#include <span>

#include "sysfs/assignment/viability.h"

namespace cli {

base::Status CheckAssignable(const sysfs::Tree& tree, const sysfs::PciDevice& device) {
  return sysfs::CheckViability(sysfs::ReadViability(tree, device), std::span(&device.address, 1),
                               {});
}

}  // namespace cli
