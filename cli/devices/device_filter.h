// The filters of `vassign list`. Values of one filter are alternatives, different filters all hold.
#pragma once

#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/names.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace cli {

struct DeviceFilter {
  std::vector<std::string> classes;  // "storage" or leading digits of the class code, "0108"
  std::vector<std::string> drivers;  // "none" for a function without one
  std::vector<std::string> vendors;  // four digits, or a part of the name in any case
  std::vector<unsigned> groups;
  bool virtual_functions = false;
  bool physical_functions = false;  // SR-IOV capable
};

// kUsage for a value that can match nothing.
base::Status CheckFilter(const DeviceFilter& filter);
bool Passes(const DeviceFilter& filter, const sysfs::PciDevice& device, const sysfs::Tree& tree,
            const sysfs::Names& names);
// The words that --class knows.
std::string ClassWords();

}  // namespace cli
