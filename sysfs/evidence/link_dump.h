// The network interfaces of a namespace, by rtnetlink(7): what they sit on. No driver is asked,
// which might wake its device.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/result.h"

namespace sysfs {

struct NetworkLink {
  std::string name;
  // The PCI function below it, as the kernel has it ("0000:03:00.0", IFLA_PARENT_DEV_NAME, since
  // Linux 5.14); empty for another parent, or none.
  std::string device;
  // A macvlan, ipvlan or VLAN that was made over an interface of `home`, or the end of a pair of
  // veth: that one's index there (IFLA_LINK with IFLA_LINK_NETNSID, the number that this namespace
  // knows the other by).
  std::optional<unsigned> lower;
  bool operator==(const NetworkLink&) const = default;
};

// Those of the calling thread's namespace; `home` is a descriptor of another one. Fails when the
// kernel does not tell all of them.
base::Result<std::vector<NetworkLink>> DumpLinks(const base::Fd& home);

}  // namespace sysfs
