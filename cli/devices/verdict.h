// One verdict on a device, in a line: whether it can be given to a guest, or the first thing that
// is in the way. What `assignable` is in JSON; `vassign explain` looks at more.
#pragma once

#include <string>

#include "cli/context.h"
#include "cli/devices/host_view.h"
#include "sysfs/pci_device.h"

namespace cli {

struct DeviceVerdict {
  bool ok = false;
  std::string text;  // "can be assigned", "in use: mounted on /data"
};

// The device with all that Detail::kFull reads.
DeviceVerdict JudgeInALine(const Context& context, const HostView& host,
                           const sysfs::PciDevice& device);

}  // namespace cli
