// What a machine's life cost, in exact counts: for `--stats` and for the published figures.
#pragma once

#include <string>
#include <vector>

#include "vmm/assigned/device.h"
#include "vmm/kvm/vm.h"
#include "vmm/vcpu_thread.h"

namespace vmm {

struct DeviceStats {
  std::string name;
  assigned::AssignedCounters counters;
};

struct EmulatedStats {
  std::string name;
  uint64_t traps = 0;  // accesses to its registers that left the guest
  uint64_t kicks = 0;
  uint64_t batches = 0;
  uint64_t requests = 0;
  uint64_t interrupts = 0;
  uint64_t suppressed = 0;  // results for which the guest wanted no interrupt
};

struct MachineStats {
  ExitCounts exits{};     // to user space, of all boards
  unsigned dma_maps = 0;  // calls to the kernel
  unsigned boards = 0;    // 1 and one more for each reboot
  kvm::RouteCounts routes;
  std::vector<DeviceStats> devices;
  std::vector<EmulatedStats> emulated;

  void Add(const ExitCounts& board, const kvm::RouteCounts& board_routes);
};

// One line for the machine and one for each device, "name=value" pairs.
std::string FormatStats(const MachineStats& stats);

}  // namespace vmm
