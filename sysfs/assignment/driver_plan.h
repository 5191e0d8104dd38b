// From one driver to another: pure functions from snapshots to the sysfs writes.
//
// The order is the one without a window (Documentation/ABI/testing/sysfs-bus-pci): first
// `driver_override`, so that no other driver can take the device; then unbind; then
// `drivers/X/bind`, which tells the probe's errno; then the driver link is looked at. `new_id` is
// never used: it grabs every device of that kind. The override stays while a device is assigned.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/assignment/change_set.h"
#include "sysfs/assignment/journal.h"
#include "sysfs/pci_device.h"

namespace sysfs {

// All devices go to `driver` together: every override is written before the first unbind. Undone in
// reverse, each device is where the snapshot has it. Empty when it is so already.
ChangeSet PlanBind(std::span<const PciDevice> devices, std::string_view driver);

struct RestoreItem {
  PciDevice device;  // as it is now
  Record record;     // as it was
  // The physical function has sriov_drivers_autoprobe off: without an override no driver may bind
  // to this virtual function, so the recorded override is written last.
  bool override_last = false;
};

// Exactly the recorded driver and override, from whatever state a killed run left. Empty when it is
// so already.
ChangeSet PlanRestore(std::span<const RestoreItem> items);

// Without a record: no override, and whatever driver the kernel prefers. `releases` says that the
// present driver is one that a device is given to for a guest, and is taken away. Empty when there
// is nothing to clear.
ChangeSet PlanRelease(const PciDevice& device, bool releases);

// What the errno of a write to drivers/X/bind means, and what to do about it.
struct BindExplanation {
  std::string cause;
  std::string cure;
};
std::optional<BindExplanation> ExplainBind(int err, std::string_view driver);

}  // namespace sysfs
