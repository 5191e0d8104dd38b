// A root file system that comes over the network, as the kernel's command line says it
// (Documentation/admin-guide/nfs/nfsroot.rst, dracut.cmdline(7)).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sysfs {

struct NetworkRoot {
  std::string argument;                 // "netroot=iscsi"; what follows may hold a password
  std::vector<std::string> interfaces;  // of ip=, bootdev= and ifname=, where they name one
  std::string mac;                      // of BOOTIF=, as sysfs writes it; empty without
  bool operator==(const NetworkRoot&) const = default;
};

std::optional<NetworkRoot> ParseNetworkRoot(std::string_view command_line);

}  // namespace sysfs
