// A processor's access to a port or to memory that is nobody's RAM, carried to the device on a bus.
#pragma once

#include "vmm/bus.h"
#include "vmm/kvm/exit.h"

namespace vmm {

// String instructions transfer one after another. A read's bytes are stored into the exit's data.
void Dispatch(const kvm::PortExit& exit, const Bus& ports);
// KVM hands an access that crosses a page over in parts of any size up to 8; a part that is no
// power of two is split into those that are.
void Dispatch(const kvm::MemoryExit& exit, const Bus& memory);

}  // namespace vmm
