// The named overrides of `--force=`: whoever takes a device from a use must name the use.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "sysfs/base/result.h"

namespace sysfs {

enum class ForceReason : uint8_t {
  kMounted,   // a file system, swap or another holder is on it
  kNetdev,    // it carries a default route or an address
  kSsh,       // the SSH session that we are run from goes through it
  kConsole,   // it is the host's display
  kGroup,     // its IOMMU group stays unusable
  kAssigned,  // another process has it; only restore may override it
  kNoReset,   // it cannot be reset between two users
  kForeign,   // another tool manages it
};

std::string_view Name(ForceReason reason);
// What happens to who does it all the same.
std::string_view Risk(ForceReason reason);

using ForceSet = std::set<ForceReason>;

// `mounted,netdev`; an empty or unknown reason is kUsage with the list of all.
base::Result<ForceSet> ParseForce(std::string_view text);

}  // namespace sysfs
