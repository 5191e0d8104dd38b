// The looks at the host that `vassign watch` compares.
//
// A later look costs little: what cannot change of a device is taken from the look before.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "cli/devices/watch_changes.h"
#include "sysfs/guarded.h"
#include "sysfs/tree.h"

namespace cli {

class Watcher {
 public:
  // Of all devices, or of the given ones, present or not. `number` may be empty; the tree outlives
  // it.
  Watcher(const sysfs::Tree& tree, std::optional<std::vector<sysfs::PciAddress>> only,
          sysfs::DeviceNumber number);

  base::Result<Snapshot> LookAtAll(const Snapshot& before);
  // The devices that events are about and the physical functions of these; for the others, and for
  // who has a device open, the look before stands.
  Snapshot LookAt(const Snapshot& before, std::span<const sysfs::DeviceEvent> events);

 private:
  bool IsWatched(const sysfs::PciAddress& address) const;
  std::optional<sysfs::PciDevice> Read(const Snapshot& before,
                                       const sysfs::PciAddress& address) const;
  void Refresh(const Snapshot& before, const std::vector<sysfs::PciAddress>& addresses,
               Snapshot& after);
  void FindOwners(Snapshot& after) const;

  const sysfs::Tree& tree_;
  std::optional<std::vector<sysfs::PciAddress>> only_;
  sysfs::DeviceNumber number_;
  sysfs::GuardedReader reader_;
};

}  // namespace cli
