// Which processes have a device node open: what /proc/PID/fd says (proc(5)). Without privilege only
// the user's own processes can be seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

struct Holder {
  int pid = 0;
  std::string command;  // /proc/PID/comm; empty when not readable
  std::string node;     // as it was opened
  size_t index = 0;     // which of the nodes that were asked for
  bool operator==(const Holder&) const = default;
};

// The device number (rdev) behind a path that leads to a device node.
using DeviceNumber = std::function<std::optional<uint64_t>(const std::string& path)>;

struct DeviceNode {
  std::string path;                // "/dev/vfio/14"
  std::optional<uint64_t> number;  // when it is known already
};

// Which process has which file open, looked at once, at the first question with a node in it.
// Not thread safe; the tree outlives it.
class OpenFiles {
 public:
  OpenFiles(const Tree& tree, DeviceNumber number) : tree_(tree), number_(std::move(number)) {}
  // As FindHolders.
  std::vector<Holder> HoldersOf(std::span<const DeviceNode> nodes);

 private:
  struct File {
    int pid = 0;
    std::string opened;
    std::optional<uint64_t> number;
  };
  void Look();

  const Tree& tree_;
  DeviceNumber number_;
  bool looked_ = false;
  std::vector<File> files_;  // by process, then by descriptor
};

// Who has one of `nodes` ("/dev/vfio/14") open, in the order of their numbers, the calling process
// included. A node goes by its number, so that another name or another mount namespace hides
// nobody; by its path where `number` is empty or does not know it.
std::vector<Holder> FindHolders(const Tree& tree, std::span<const std::string> nodes,
                                const DeviceNumber& number = {});

// Of /proc, in the order of their numbers.
std::vector<int> ListProcesses(const Tree& tree);

}  // namespace sysfs
