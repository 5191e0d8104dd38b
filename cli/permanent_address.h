// Who tells the permanent address of an interface (sysfs/identity.h).
#pragma once

#include "sysfs/holders.h"
#include "sysfs/identity.h"

namespace cli {

// The running host's interfaces; nobody on a recorded host or in a test, whose device numbers are
// not asked either.
sysfs::PermanentAddress PermanentAddressOf(const sysfs::DeviceNumber& device_number);

}  // namespace cli
