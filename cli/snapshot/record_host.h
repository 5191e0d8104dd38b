// Reads a host as the reading commands do, and keeps what they read.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "cli/snapshot/recording.h"
#include "sysfs/base/result.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/identity.h"
#include "sysfs/tree.h"

namespace cli {

struct RecordedHost {
  Recording recording;
  size_t devices = 0;
  size_t busy = 0;               // devices whose locks somebody held
  std::set<std::string> denied;  // files that only root reads
};

// `kernel_log` is nothing when it may not be read. Without `sources` the recorded host does not
// tell what is in use.
base::Result<RecordedHost> RecordHost(const sysfs::Tree& tree,
                                      const std::optional<std::string>& kernel_log,
                                      const sysfs::PermanentAddress& permanent = {},
                                      const sysfs::EvidenceSources& sources = {});

}  // namespace cli
