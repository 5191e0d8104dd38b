// Puts virtio devices in the place of those that cannot be assigned and may have a fallback.
#pragma once

#include <functional>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/evidence/evidence.h"
#include "sysfs/tree.h"
#include "vmm/fallback/plan.h"
#include "vmm/options.h"

namespace vmm {

struct FallbackSources {
  sysfs::EvidenceSources evidence = {};
  // With Options::managed: whether the host's driver can be made to give the device up.
  std::function<base::Status(const AssignRequest&)> can_take = {};
};

struct Resolved {
  Options options;  // with Options::fallbacks; a request that has none stays as it is
  std::vector<base::Error> problems;  // fallbacks that were wished for and refused
};

// Looks only, and opens nothing but VFIO nodes, for a moment. Requests without a wish are not
// looked at.
Resolved ResolveFallbacks(base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
                          const FallbackSources& sources);

// For a program that is about to start: the first problem, or the options, each fallback told on
// standard error.
base::Result<Options> TakeFallbacks(Resolved resolved);

}  // namespace vmm
