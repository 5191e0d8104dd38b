// What `vassign watch` tells: the differences between two looks at the host.
//
// Pure. What could not be read at one of the two looks is no difference.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/devices/owners.h"
#include "sysfs/pci_device.h"
#include "sysfs/udev.h"

namespace cli {

struct WatchedDevice {
  sysfs::PciDevice device;
  std::optional<Owner> owner;
  bool owner_known = true;
};

using Snapshot = std::map<sysfs::PciAddress, WatchedDevice>;

enum class ChangeKind : uint8_t {
  kPresent,  // at the start
  kAdded,
  kRemoved,
  kBound,
  kUnbound,
  kOverride,
  kFunctions,  // number of virtual functions
  kGroup,
  kOwner,
};

// "added", "bound", ... as in text and JSON.
std::string_view Name(ChangeKind kind);

struct Change {
  ChangeKind kind = ChangeKind::kPresent;
  std::optional<WatchedDevice> before;
  std::optional<WatchedDevice> after;

  const sysfs::PciDevice& device() const { return after ? after->device : before->device; }
};

// By address; of one device in the order in which they happen. Another device at the same address
// is a removal and an addition.
std::vector<Change> FindChanges(const Snapshot& before, const Snapshot& after);

// The state between two looks that the events in between prove: a device that was removed and came
// back, or that left a driver and returned to it, looks the same at both ends.
Snapshot Between(const Snapshot& before, std::span<const sysfs::DeviceEvent> events);

// Puts what was known before in the place of what cannot be read now.
void KeepUnknown(const Snapshot& before, Snapshot& after);

}  // namespace cli
