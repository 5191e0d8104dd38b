// From the declarative file to what udev and an initramfs do when a device appears: pure functions.
//
// A device is found by its way through the bridges, whose bus numbers may change, and its ids.
// udev(7) has the language of rules; attributes are written while the rules are read, before the
// kmod built-in of 80-drivers.rules runs, so a host driver that is a module does not see the
// device.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/config/config.h"
#include "sysfs/identity.h"

namespace cli {

struct Rules {
  std::string udev;                    // /etc/udev/rules.d/61-vassign.rules
  std::string early;                   // lines "PATH VENDOR:DEVICE SUBSYSTEM DRIVER"
  std::vector<std::string> uncovered;  // entries whose place is not known, with the cure
};

// Where an entry names no path, that of its pin is used. kUsage for a driver or an owner with
// characters that udev would read as its own.
base::Result<Rules> MakeRules(const Config& config,
                              const std::map<std::string, sysfs::Identity>& pinned);

// "0000:00/16.0/00.0" as a pattern over udev's DEVPATH: "*/pci0000:00/0000:00:16.0/0000:??:00.0".
std::string DevicePattern(std::string_view path);

}  // namespace cli
