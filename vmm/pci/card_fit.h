// Whether the memory BARs of a card that joins a guest that runs can have addresses.
//
// Linux gives a card what its port forwards, and moves the port's windows to where there is room
// when that is too little (pci_assign_unassigned_bridge_resources); a BAR that is not prefetchable
// has to be in the 32-bit window. I/O ports and ROMs, which drivers do without, are left out. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/pci/placement.h"
#include "vmm/pci/root_port.h"

namespace vmm::pci {

enum class CardFit : uint8_t {
  kInPort,
  kInMachine,  // if the guest moves the port's windows
};

// `taken` is what the guest uses otherwise: BARs and windows of other ports. kUnfit has the
// sizes.
base::Result<CardFit> CheckCardFit(std::span<const FunctionBars> card, const PortWindows& port,
                                   std::span<const base::Range> taken, const Layout& layout);

}  // namespace vmm::pci
