// The filters of `vassign list` and `watch`. Values of one filter are alternatives, different
// filters all hold.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/context.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"

namespace cli {

struct DeviceFilter {
  std::vector<std::string> classes;  // "storage" or leading digits of the class code, "0108"
  std::vector<std::string> drivers;  // "none" for a function without one
  std::vector<std::string> vendors;  // four digits, or a part of the name in any case
  std::vector<unsigned> groups;
  std::vector<unsigned> nodes;  // NUMA nodes
  bool virtual_functions = false;
  bool physical_functions = false;  // SR-IOV capable
  bool free = false;                // nothing on this host needs it
  bool assignable = false;          // an endpoint whose group user space may own
};

// The options of a command that has these filters; --free only for a command that asks once.
void AddFilterOptions(CLI::App& command, DeviceFilter& filter);
void AddFreeOption(CLI::App& command, DeviceFilter& filter);

// kUsage for a value that can match nothing, and for --free on a recorded host.
base::Status CheckFilter(const DeviceFilter& filter, const Context& context);
// What must be read of a device for it.
sysfs::Detail DetailFor(const DeviceFilter& filter);
bool Passes(const DeviceFilter& filter, const sysfs::PciDevice& device, const Context& context);
// The words that --class knows.
std::string ClassWords();

}  // namespace cli
