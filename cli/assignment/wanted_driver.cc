#include "cli/assignment/wanted_driver.h"

#include <fmt/format.h>

#include <optional>

#include "sysfs/drivers.h"
#include "sysfs/pci_device.h"

namespace cli {

base::Result<std::string> WantedDriver(const sysfs::Tree& tree, const std::string& name,
                                       std::span<const sysfs::PciAddress> devices) {
  if (name != kBestDriver) return name;
  const sysfs::VfioDrivers drivers(tree);
  std::optional<std::string> wanted;
  for (const sysfs::PciAddress& address : devices) {
    const sysfs::PciDevice device = TRY(sysfs::ReadDevice(tree, address));
    const std::string best = drivers.Best(device.modalias).value_or("vfio-pci");
    if (!wanted) wanted = best;
    if (best == *wanted) continue;
    return base::Fail(base::Code::kUsage,
                      fmt::format("--driver best: {} for {}, but {} for {}", *wanted,
                                  devices.front().ToString(), best, address.ToString()),
                      "a call for the devices of each driver");
  }
  return wanted.value_or("vfio-pci");
}

}  // namespace cli
