// RLIMIT_MEMLOCK: what is mapped for DMA is locked memory, counted by process (type1) or by user
// (iommufd). Checked before a device is touched, because a map that hits the limit comes late.
#pragma once

#include <cstdint>
#include <optional>

#include "sysfs/base/result.h"
#include "sysfs/tree.h"

namespace vfio {

inline constexpr uint64_t kUnlimited = UINT64_MAX;

struct MemlockLimits {
  uint64_t soft = 0;
  uint64_t hard = 0;
  bool exempt = false;  // CAP_IPC_LOCK: the kernel does not count
};

// What to ask for when this much guest memory will be mapped: 5 % more, for what else is locked.
uint64_t MemlockNeeded(uint64_t mapped_bytes);

MemlockLimits ReadMemlockLimits(const sysfs::Tree& tree);

// Pure. The soft limit to set, nothing when the limits suffice; kDenied with what is needed, what
// there is and the three ways to change it.
base::Result<std::optional<uint64_t>> PlanMemlock(uint64_t needed, const MemlockLimits& limits);

// Plans and raises the soft limit of this process when that suffices.
base::Status EnsureMemlock(const sysfs::Tree& tree, uint64_t needed);

}  // namespace vfio
