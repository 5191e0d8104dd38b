// The two things that device_add and device_del need from the machine.
#pragma once

#include <functional>
#include <string>

#include "sysfs/base/result.h"
#include "vmm/control/command.h"

namespace vmm::control {

// Called from the event loop's thread, which they must not hold up.
struct HotPlug {
  // Opens the device and puts it behind a free port (or that of `bus` and `devfn`). On success the
  // guest has been told; a failure leaves nothing behind. The id is known to be free.
  std::function<base::Status(const DeviceAdd&)> add;
  // Asks the guest to let go; the id is that of a device of the machine. Once it is gone the owner
  // announces DEVICE_DELETED (DeviceDeletedData).
  std::function<base::Status(const std::string& id)> remove;
};

// Of a machine whose devices stay as they are.
HotPlug NoHotPlug();

}  // namespace vmm::control
