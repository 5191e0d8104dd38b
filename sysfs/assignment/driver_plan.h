// From one driver to another: pure functions from snapshots to the sysfs writes.
//
// The order is the one without a window (Documentation/ABI/testing/sysfs-bus-pci): first
// `driver_override`, so that no other driver can take the device; then unbind; then
// `drivers/X/bind`, which tells the probe's errno; then the driver link is looked at. `new_id` is
// never used: it grabs every device of that kind. The override stays while a device is assigned. On
// the way back it names the former driver until that has the device, whatever it was before: one
// that keeps that driver out (set by somebody while it was bound), none where the driver does not
// know the device, or none where virtual functions are not probed (sriov_drivers_autoprobe).
//
// A driver may set `power/control` in its probe and remove functions: vfio-pci lets a device sleep
// while it has it and forbids it afterwards (drivers/vfio/pci/vfio_pci_core.c), whatever an
// administrator had chosen. So it is written last, wherever the driver changes.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/assignment/change_set.h"
#include "sysfs/assignment/journal.h"
#include "sysfs/pci_device.h"

namespace sysfs {

// What power/control of devices says, "on" or "auto"; none without runtime power management.
using PowerControl = std::map<PciAddress, std::string>;

// Whether it is on `driver` by somebody else's work, or on its way there: its override says so, and
// no other driver has it. That is not ours to give back; "as it was" would be a device that no
// driver takes, as udev's rule leaves one whose driver is not loaded yet.
bool IsOthersWork(const PciDevice& device, std::string_view driver);

// All devices go to `driver` together: every override is written before the first unbind. Undone in
// reverse, each device is where the snapshot has it, `power` included. Empty when it is so already.
ChangeSet PlanBind(std::span<const PciDevice> devices, std::string_view driver,
                   const PowerControl& power = {});

struct RestoreItem {
  PciDevice device;  // as it is now
  Record record;     // as it was
  std::optional<std::string> power_control = {};  // as it is now
};

// Exactly the recorded driver, override and power control, from whatever state a killed run left.
// Empty when it is so already.
ChangeSet PlanRestore(std::span<const RestoreItem> items);

// Without a record: no override, and whatever driver the kernel prefers. `releases` says that the
// present driver is one that a device is given to for a guest, and is taken away. Undone, the
// device is where it was, with `power` as its power control. Empty when there is nothing to clear.
ChangeSet PlanRelease(const PciDevice& device, bool releases,
                      const std::optional<std::string>& power = {});

// Without a driver and without any other change. Empty when it has none.
ChangeSet PlanUnbind(const PciDevice& device);

// What the errno of a write to drivers/X/bind means, and what to do about it.
struct BindExplanation {
  std::string cause;
  std::string cure;
};
std::optional<BindExplanation> ExplainBind(int err, std::string_view driver);

}  // namespace sysfs
