// The host's files as a rooted tree: real under a root directory, or in memory for tests.
//
// Paths are absolute as on the running host ("/sys/bus/pci/devices/..."); the tree puts its root in
// front.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/result.h"

namespace sysfs {

class Tree {
 public:
  virtual ~Tree() = default;
  // The whole file without the trailing newline.
  virtual base::Result<std::string> Read(const std::string& path) const = 0;
  // At most `limit` bytes as they are (config space, binary attributes).
  virtual base::Result<std::vector<std::byte>> ReadBytes(const std::string& path,
                                                         size_t limit) const = 0;
  // The link's target as written.
  virtual base::Result<std::string> ReadLink(const std::string& path) const = 0;
  // Names, sorted, without "." and "..".
  virtual base::Result<std::vector<std::string>> List(const std::string& path) const = 0;
  virtual bool Exists(const std::string& path) const = 0;
  // One write(2) of the whole value to an existing file; errno kept in the error.
  virtual base::Status Write(const std::string& path, std::string_view value) = 0;
};

// The running host ("/") or a recorded one below `root`. Writing to a recorded host is refused. A
// recorded host is for one thread.
std::unique_ptr<Tree> HostTree(std::string root = "/");

// The last component of a link's target; nothing when there is no such link.
std::optional<std::string> LinkName(const Tree& tree, const std::string& path);
// The path with all links followed; nothing when a component is missing.
std::optional<std::string> RealPath(const Tree& tree, std::string_view path);
// Nothing when the file is absent, unreadable or not a number.
std::optional<uint64_t> ReadHex(const Tree& tree, const std::string& path);  // with or without 0x
std::optional<uint64_t> ReadDecimal(const Tree& tree, const std::string& path);
std::optional<std::string> ReadText(const Tree& tree, const std::string& path);

}  // namespace sysfs
