// The kernel's table of virtual functions behind a network interface (rtnetlink(7), RTM_GETLINK and
// RTM_SETLINK with IFLA_VFINFO_LIST).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "sriov/vf_attributes.h"
#include "sysfs/base/result.h"

namespace sriov {

// Used by one thread. What was asked once can be asked again by a thread that makes no sockets.
class VfLinks {
 public:
  virtual ~VfLinks() = default;
  // By index; empty when the interface has no virtual functions. Needs no root. kNotFound without
  // such an interface in this network namespace.
  virtual base::Result<std::map<unsigned, VfAttributes>> Read(const std::string& interface) = 0;
  // Sets what is given, leaves the rest. The kernel applies one attribute after the other and
  // keeps those before a refused one. errno in the error: EOPNOTSUPP, EINVAL, EPERM, ...
  virtual base::Status Write(const std::string& interface, unsigned index,
                             const VfAttributes& attributes) = 0;
};

// The running host's, through libnl.
std::unique_ptr<VfLinks> NetlinkVfLinks();

}  // namespace sriov
