// Which network devices of a machine stand by for which assigned ones. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/options.h"

namespace vmm {

struct HostSnapshot;
struct Topology;

struct StandbyPair {
  std::string standby;  // its id
  virtio::Mac mac;      // of both
  AssignRequest primary;
  bool is_virtual = false;  // the primary is a virtual function, and gets its address from here
};

// Whether a network device stands by for it.
bool IsPrimary(const Options& options, const AssignRequest& request);

// kUsage: no such device, one with two standbys, with an addr= or a fallback. kUnfit: no network
// device.
base::Status CheckStandby(const Options& options, const HostSnapshot& host);

// In the order of Options::nets; of what was checked.
std::vector<StandbyPair> PlanStandby(const Options& options, const HostSnapshot& host,
                                     const Topology& topology);

}  // namespace vmm
