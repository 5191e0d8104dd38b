// Which device of this host an entry means: pure functions.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/config/config.h"
#include "cli/config/pin.h"

namespace cli {

struct HostDevice {
  sysfs::PciAddress address;
  bool is_virtual = false;  // a virtual function
  sysfs::Identity identity;
};

// All functions but bridges. The DSN is read of those alone that an entry or a pin could mean.
base::Result<std::vector<HostDevice>> ReadHostDevices(
    const sysfs::Tree& tree, const Config& config, const Pinned& pinned,
    const sysfs::PermanentAddress& permanent = {});

struct Resolved {
  HostDevice device;
  std::string note;  // "moved from ... to ..."; empty without one
};

// Nothing when an optional device is not there. kNotFound: none, more than one, or not the card
// that was pinned, with where that went. kUsage: a virtual function. An entry in `repin` takes the
// card that is there.
base::Result<std::optional<Resolved>> Resolve(const Entry& entry, const Pinned& pinned,
                                              const std::vector<HostDevice>& devices,
                                              const std::set<std::string>& repin = {});

// Whether what is wrong with an entry concerns this device: it sits where the entry, or its pin,
// has its card.
bool Concerns(const Entry& entry, const Pinned& pinned, const HostDevice& device);

// What is to be pinned: what could be read now, and what was known of the same card before.
sysfs::Identity Combine(const sysfs::Identity& now, const std::optional<sysfs::Identity>& pin);

}  // namespace cli
