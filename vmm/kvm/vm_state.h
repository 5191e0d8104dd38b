// What a Vm remembers of its registrations; for its own files.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "sysfs/base/fd.h"
#include "sysfs/base/log.h"
#include "vmm/kvm/msi_relay.h"
#include "vmm/kvm/routes.h"
#include "vmm/kvm/slots.h"
#include "vmm/kvm/vm.h"

namespace vmm::kvm {

struct Vm::State {
  std::mutex mutex;  // of all
  SlotTable slots;
  base::Fd vfio_device;

  RouteTable routes;
  std::set<uint32_t> direct;      // numbers of edges that have an irqfd
  std::optional<MsiRelay> relay;  // since GatherRoutes
  bool gathers = false;
  std::function<void()> first_waits;
  bool waits = false;
  unsigned burst = 0;  // relayed since routes were last settled
  RouteCounts counts;
  base::Limited log;

  // A connected irqfd takes its interrupt to where its route said before.
  bool NeedsCommit() const;
  void Wait();
};

}  // namespace vmm::kvm
