// Who may open the VFIO nodes of a device: owner, group and permissions of /dev/vfio/N and
// /dev/vfio/devices/vfioN.
//
// The kernel makes the nodes as root's alone, and takes them away when the device leaves VFIO; a
// node that stays gets its former state back when an apply is undone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/config/config.h"

namespace cli {

struct NodeState {
  unsigned user = 0;
  unsigned group = 0;
  unsigned mode = 0600;
  bool operator==(const NodeState&) const = default;
};

// The two calls on nodes, which tests replace.
struct Nodes {
  std::function<base::Result<NodeState>(const std::string& path)> read;
  std::function<base::Status(const std::string& path, const NodeState& state)> write;
};
Nodes HostNodes();

struct AccessChange {
  std::string node;
  NodeState from;
  NodeState to;
  bool operator==(const AccessChange&) const = default;
};

// kUsage for a user or group that this host does not know.
base::Result<NodeState> StateOf(const Access& access);
// Only what is different. A node that is not there yet is left out.
base::Result<std::vector<AccessChange>> PlanAccess(const Nodes& nodes, const Access& access,
                                                   const std::vector<std::string>& paths);
base::Status Perform(const Nodes& nodes, const std::vector<AccessChange>& changes);
// "chown 0:108 /dev/vfio/14 && chmod 0660 /dev/vfio/14".
std::string Format(const AccessChange& change);

}  // namespace cli
