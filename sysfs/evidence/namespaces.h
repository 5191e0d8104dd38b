// Network interfaces that sysfs here does not show, because they are in another network namespace
// (network_namespaces(7)).
#pragma once

#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

struct NetworkNamespace {
  std::string path;   // of a file that stands for it: "/proc/70/ns/net", "/run/netns/blue"
  std::string title;  // "pid 70 (sleep)", "ip netns blue"
  std::string enter;  // what a command line begins with to run in there
  bool operator==(const NetworkNamespace&) const = default;
};

// Those of processes that we may look at, each with its first process, then those that have a name;
// one of these may be there already. Ours is left out where it is known.
std::vector<NetworkNamespace> ListNetworkNamespaces(const Tree& tree);

struct DistantInterface {
  std::string device;  // as its driver says: "0000:03:00.0"; empty for one that no device is behind
  std::string name;
  NetworkNamespace place;
  std::string lower = {};  // the interface in our namespace that it is stacked on, if any
};

// The running host's, by a thread in each namespace, which needs CAP_SYS_ADMIN; without it none.
// One without a name stands for a namespace that could not be asked: `device` says why.
std::vector<DistantInterface> FindDistantInterfaces();

}  // namespace sysfs
