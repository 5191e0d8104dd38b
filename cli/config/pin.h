// What the card of an entry was when it was applied: /var/lib/vassign/pins/NAME.json.
//
// A card that is no longer the same at the next boot is refused, and a card whose serial number or
// MAC address cannot be read while VFIO has it is known by its pin.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sysfs/identity.h"

namespace cli {

using Pinned = std::map<std::string, sysfs::Identity>;  // by the entry's name

// JSON, version 1. Parsing is strict: anything but the very text that we would write is kUsage.
std::string FormatPin(const sysfs::Identity& identity);
base::Result<sysfs::Identity> ParsePin(std::string_view text);

class Pins {
 public:
  explicit Pins(std::string folder = "/var/lib/vassign/pins") : folder_(std::move(folder)) {}

  std::string Path(std::string_view name) const;
  // A file that cannot be read is an error that names it.
  base::Result<Pinned> Read() const;
  // Durable and atomic; makes the folder.
  base::Status Store(std::string_view name, const sysfs::Identity& identity) const;
  // Fine when there is none.
  base::Status Remove(std::string_view name) const;

 private:
  std::string folder_;
};

struct Context;
// Those of the host that the command works on.
Pins PinsOf(const Context& context);

}  // namespace cli
