// RLIMIT_NOFILE: each file, queue and interrupt vector of a machine is a descriptor. Vectors are
// allotted when the guest asks for them, so that too low a limit is found late.
#pragma once

#include <cstdint>

namespace vmm {

struct DescriptorLimit {
  uint64_t soft = 0;
  uint64_t hard = 0;
};
DescriptorLimit ReadDescriptorLimit();

// Raises the soft limit of this process to its hard limit, as getrlimit(2) allows anybody. The soft
// limit is low for programs that use select(2) alone.
void RaiseDescriptorLimit();

// An upper bound for a machine with these parts; `vectors`: of all assigned devices together.
struct DescriptorUse {
  uint64_t cpus = 0;
  uint64_t devices = 0;
  uint64_t vectors = 0;
  uint64_t emulated = 0;
  uint64_t queues = 0;  // of the emulated ones
};
uint64_t MostDescriptors(const DescriptorUse& use);

}  // namespace vmm
