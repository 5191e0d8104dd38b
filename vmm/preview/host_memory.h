// Whether the host has the memory that a guest is promised. The kernel lets a machine start with
// more than there is (Documentation/mm/overcommit-accounting.rst), and ends it, or another process,
// when the guest uses it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace vmm {

// Another machine that runs, and the guest RAM that it was started with, in bytes.
struct OtherMachine {
  int pid = 0;
  uint64_t bytes = 0;
};

// Bytes. Nothing where the file is not there or cannot be read.
struct HostMemory {
  std::optional<uint64_t> available;  // MemAvailable
  std::optional<uint64_t> commit_limit;
  std::optional<uint64_t> committed;
  std::optional<unsigned> overcommit;  // vm.overcommit_memory: 0 heuristic, 1 always, 2 never
  // The control group, this one or one above, that leaves least (cgroup v2, memory.max).
  std::string group;  // its path; empty: none has a limit
  std::optional<uint64_t> group_limit;
  uint64_t group_used = 0;
  std::optional<bool> merging;  // KSM runs; nothing in a kernel without it
  unsigned machines = 0;        // the others
  uint64_t machines_bytes = 0;
  uint64_t machines_unused = 0;  // of these, what they may come to use beside what they have
};
HostMemory ReadHostMemory(const sysfs::Tree& tree, std::span<const OtherMachine> others = {});

// What the guest may come to use, as ordinary memory.
struct MemoryWish {
  uint64_t bytes = 0;     // 0 with reserved pages, which have been counted
  bool resident = false;  // from the start, for the DMA of assigned devices
  bool mergeable = false;
};

struct MemoryVerdict {
  uint64_t missing = 0;        // of `available`, when the other machines use theirs too
  uint64_t group_missing = 0;  // of what the control group leaves
  // What will happen, for people; empty when all fits.
  std::vector<std::string> remarks;
  // The kernel will refuse the memory (vm.overcommit_memory is 2).
  std::optional<base::Error> refused;
};
// Pure.
MemoryVerdict JudgeMemory(const HostMemory& host, const MemoryWish& wish);

}  // namespace vmm
