// The driver that a person asked devices to be given to.
#pragma once

#include <span>
#include <string>

#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace cli {

// What --driver takes for the VFIO driver that knows a device best: a variant (by its `vfio_pci:`
// alias, drivers/vfio/pci/*/main.c), else vfio-pci.
inline constexpr const char* kBestDriver = "best";

// Any other name stays what it is. kUsage when the best drivers of these devices differ: all of a
// call go to one driver.
base::Result<std::string> WantedDriver(const sysfs::Tree& tree, const std::string& name,
                                       std::span<const sysfs::PciAddress> devices);

}  // namespace cli
