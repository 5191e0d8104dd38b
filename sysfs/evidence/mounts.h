// Mount tables and swap areas as /proc tells them (proc(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysfs/tree.h"

namespace sysfs {

struct Mount {
  std::string device;  // "259:3"; "0:37" for a file system without a device of its own
  std::string point;
  std::string source;   // "/dev/nvme0n1p3", "tmpfs"
  std::string process;  // a process that sees it; empty when we see it ourselves
  bool operator==(const Mount&) const = default;
};

// The lines of a mountinfo file; a line that makes no sense is left out.
std::vector<Mount> ParseMountInfo(std::string_view text);

// Of our mount namespace and, where we may look, of all others.
std::vector<Mount> ReadMounts(const Tree& tree);

// The mount table of another mount namespace, as one of its processes sees it.
struct OtherMounts {
  std::string process;
  std::string text;
};
std::vector<OtherMounts> ReadOtherMounts(const Tree& tree);
// Where a recorded host keeps them: each line with the process in front.
inline constexpr const char* kRecordedMounts = "/proc/mountinfo";
std::string FormatOtherMounts(const std::vector<OtherMounts>& tables);

// Paths of /proc/swaps, without its heading.
std::vector<std::string> ParseSwaps(std::string_view text);

}  // namespace sysfs
