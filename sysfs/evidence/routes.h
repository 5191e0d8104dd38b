// Routes of the host as values, and the SSH session that we are run from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

// Routes that go through one interface in one table; a host may have a million of them.
struct HostRoute {
  std::string interface;
  std::string destination;  // "default", or the first one: "10.1.0.0/16"
  uint32_t table = 0;       // RT_TABLE_MAIN is 254
  bool is_ipv6 = false;
  unsigned count = 1;  // how many, this one included
  bool operator==(const HostRoute&) const = default;

  bool is_default() const { return destination == "default"; }
};

// "default route", "default route (IPv6, table 100)", "route to 10.1.0.0/16 and 7 more".
std::string Describe(const HostRoute& route);

// Both ends of SSH_CONNECTION ("client port server port"), without zones.
struct SshSession {
  std::string client;
  std::string server;
  std::string zone;  // of a link-local client: the interface
  bool operator==(const SshSession&) const = default;
};

// Nothing when the text is not of that form.
std::optional<SshSession> ParseSshConnection(std::string_view value);
// Of the process or its nearest ancestor that has one: sudo takes the variable away from us.
std::optional<SshSession> FindSshSession(const Tree& tree, int pid);

}  // namespace sysfs
