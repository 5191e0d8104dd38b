// What a machine's life cost, in exact counts: for `--stats` and for the published figures.
#pragma once

#include <string>
#include <vector>

#include "vmm/assigned/device.h"
#include "vmm/vcpu_thread.h"

namespace vmm {

struct DeviceStats {
  std::string name;
  assigned::AssignedCounters counters;
};

struct MachineStats {
  ExitCounts exits{};     // to user space, of all boards
  unsigned dma_maps = 0;  // calls to the kernel
  unsigned boards = 0;    // 1 and one more for each reboot
  std::vector<DeviceStats> devices;

  void Add(const ExitCounts& board);
};

// One line for the machine and one for each device, "name=value" pairs.
std::string FormatStats(const MachineStats& stats);

}  // namespace vmm
