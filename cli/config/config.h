// The declarative file: which devices this host gives away, and how (vassign.toml(5)).
//
// /etc/vassign/vassign.toml, then /etc/vassign/conf.d/*.toml in the order of their names; an entry
// replaces one of the same name in an earlier file. Parsing is strict: a key that is not known, a
// value of another type or out of range is kUsage with file and line.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sriov/change.h"
#include "sysfs/evidence/force.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"

namespace cli {

struct IdPair {
  uint16_t vendor = 0;
  uint16_t device = 0;
  bool operator==(const IdPair&) const = default;
};
std::string Format(const IdPair& pair);  // "8086:10fb"

// All that is given must hold. An address alone is refused: bus numbers change. Valid ones have a
// serial, a MAC address, or a path together with ids.
struct Match {
  std::optional<std::string> path;  // sysfs/identity.h
  std::optional<sysfs::PciAddress> address;
  std::optional<IdPair> id;
  std::optional<IdPair> subsystem;
  std::optional<std::string> serial;  // the drive's own, or the Device Serial Number
  std::optional<std::string> mac;     // lower case, colons
  bool operator==(const Match&) const = default;
};

// Virtual functions of a physical one.
struct Functions {
  unsigned count = 0;
  sriov::Drivers drivers = sriov::Drivers::kKernel;
  std::map<unsigned, sriov::VfSettings> settings = {};  // by index, each below count
  bool operator==(const Functions&) const = default;
};

// Who may open the VFIO nodes of the device, or of its virtual functions.
struct Access {
  std::optional<std::string> user;
  std::optional<std::string> group;
  unsigned mode = 0660;
  bool operator==(const Access&) const = default;
};

struct Entry {
  std::string name;  // lower-case letters, digits, '-', '_', '.'; at most 64
  Match match;
  std::optional<std::string> driver;  // nothing: as it is
  bool group = false;                 // with all that shares its IOMMU group
  bool optional = false;              // fine when it is not there
  sysfs::ForceSet force = {};
  std::optional<Functions> functions = {};
  std::optional<Access> access = {};
  std::string place = {};  // "/etc/vassign/vassign.toml:12", for messages
};

using Config = std::vector<Entry>;

// The entries of one file; `path` is for messages.
base::Result<Config> ParseConfig(std::string_view text, const std::string& path);

// All files below /etc/vassign of this tree. kNotFound when there is none.
base::Result<Config> ReadConfig(const sysfs::Tree& tree);

// An entry as ParseConfig takes it, for the files that vassign itself writes.
std::string FormatEntry(const Entry& entry);

// Later entries replace earlier ones of the same name, in their place.
Config Merge(Config earlier, Config later);

}  // namespace cli
