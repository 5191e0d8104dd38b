#include "vmm/descriptor_limit.h"

#include <sys/resource.h>

namespace vmm {
namespace {

// Standard streams, /dev/kvm, virtual machine, DMA space, event loops, timers, signals, monitor with
// its clients, kernel and initrd, interrupts of the machine's own devices.
constexpr uint64_t kMachine = 64;
// Device file, group, and the events of errors, of requests to let go and of INTx.
constexpr uint64_t kDevice = 8;
constexpr uint64_t kEmulated = 8;
// Kick and interrupt.
constexpr uint64_t kQueue = 2;

}  // namespace

DescriptorLimit ReadDescriptorLimit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {limit.rlim_cur, limit.rlim_max};
}

void RaiseDescriptorLimit() {
  const DescriptorLimit limit = ReadDescriptorLimit();
  if (limit.soft >= limit.hard) return;
  const rlimit raised{limit.hard, limit.hard};
  ::setrlimit(RLIMIT_NOFILE, &raised);
}

uint64_t MostDescriptors(const DescriptorUse& use) {
  return kMachine + use.cpus + kDevice * use.devices + use.vectors + kEmulated * use.emulated +
         kQueue * use.queues;
}

}  // namespace vmm
