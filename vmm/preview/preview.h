// What `vmm run` with these options would make, need and cost: `vmm plan`.
//
// ReadPreview only reads; of devices, their files in sysfs alone. What would stop the start is a
// list, not the end of the reading. Threads: none of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "sysfs/tree.h"
#include "vfio/dma_space.h"
#include "vfio/memlock.h"
#include "vfio/reset_plan.h"
#include "vmm/descriptor_limit.h"
#include "vmm/options.h"
#include "vmm/plan.h"
#include "vmm/preview/cost.h"
#include "vmm/preview/host_memory.h"

namespace vmm {

struct DevicePreview {
  HostDevice host;
  PlannedDevice place;
  uint8_t port = 0;  // its root port's number; 0: on bus 0
  VectorNeeds vectors;
  vfio::ResetScope reset;
};

// What a look at the file tells, without opening it.
struct DiskPreview {
  std::string id;
  uint8_t port = 0;
  uint64_t bytes = 0;  // 0: unknown
};

struct NetPreview {
  std::string id;
  uint8_t port = 0;
};

struct BalloonPreview {
  std::string id;
  uint8_t port = 0;
};

struct ConsolePreview {
  std::string id;
  uint8_t port = 0;
};

struct MachinePreview {
  std::optional<MachinePlan> plan;  // nothing when no address plan is possible
  std::vector<DevicePreview> devices;
  std::vector<DiskPreview> disks;  // in the order of Options::disks
  std::vector<NetPreview> nets;    // in the order of Options::nets
  std::optional<BalloonPreview> balloon;
  std::optional<ConsolePreview> console;  // nothing: COM1
  std::string kernel;                     // the file that boots
  bool generated_initramfs = false;
  std::optional<vfio::Choice> dma;  // nothing without devices, or when none works
  unsigned dma_maps = 0;
  vfio::MemlockLimits memlock;
  uint64_t memlock_needed = 0;
  unsigned populate_threads = 0;
  MemoryCost memory;
  VectorPool vector_pool;
  DescriptorLimit descriptor_limit;
  uint64_t most_descriptors = 0;
  std::optional<HostMemory> host_memory;
  MemoryVerdict memory_verdict;
  // What the start would refuse, in the order in which it would find it.
  std::vector<base::Error> problems;
};

MachinePreview ReadPreview(base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
                           std::span<const OtherMachine> others = {});

}  // namespace vmm
