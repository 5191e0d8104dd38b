// Whether a network interface of the host can be a guest's tap, from what sysfs says of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vmm/virtio/net/options.h"

namespace vmm::virtio {

struct InterfaceSnapshot {
  bool exists = false;
  std::optional<uint32_t> tun_flags;  // of a tun or tap alone
};
InterfaceSnapshot ReadInterface(const sysfs::Tree& tree, const std::string& name);

// kUsage for a name that none can have, kNotFound, kUnfit for one that is no tap or has another
// number of queues; each with the command that makes a fitting one.
base::Status CheckInterface(const std::string& name, const InterfaceSnapshot& seen,
                            unsigned queues);

// Everything that a look can tell about a link before it is opened.
base::Status CheckLink(const sysfs::Tree& tree, const NetOptions& options);

}  // namespace vmm::virtio
