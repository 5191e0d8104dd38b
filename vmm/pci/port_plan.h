// What the firmware of a real machine would decide: addresses of all BARs, and what each root port
// forwards.
//
// A port's windows hold its card's BARs and leave room for what hot-plug may bring. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/layout.h"
#include "vmm/pci/placement.h"
#include "vmm/pci/root_port.h"

namespace vmm::pci {

struct PortContent {
  std::string name;  // for messages
  std::vector<FunctionBars> functions;
};

struct PortPlan {
  PortWindows windows;
  std::vector<BarPlacement> bars;  // of the port's functions
};

struct ResourcePlan {
  std::vector<BarPlacement> bars;  // of functions on bus 0
  std::vector<PortPlan> ports;
};

// The least that a port has below 4 GiB (Linux asks as much for an empty slot).
inline constexpr uint64_t kPortMemory = 2 * base::kMiB;

// What the guest was given while it ran has to fit again when it reboots: where not all has room,
// ports first lose what they have in reserve, then their cards' I/O BARs stay without an address, as
// on a machine whose firmware has no more. kUnfit names the BAR or the port that has no room.
base::Result<ResourcePlan> PlanResources(std::span<const FunctionBars> bus0,
                                         std::span<const PortContent> ports, const Layout& layout);

}  // namespace vmm::pci
