// Stands in for vmm/kvm where a test links no virtual machine; a real definition goes first.
#include "vmm/kvm/vm.h"

#define WEAK __attribute__((weak))

namespace vmm::kvm {

WEAK MemorySlot::MemorySlot(MemorySlot&&) noexcept {}
WEAK MemorySlot& MemorySlot::operator=(MemorySlot&&) noexcept { return *this; }
WEAK MemorySlot::~MemorySlot() {}
WEAK Irqfd::Irqfd(Irqfd&&) noexcept {}
WEAK Irqfd& Irqfd::operator=(Irqfd&&) noexcept { return *this; }
WEAK Irqfd::~Irqfd() {}
WEAK base::Result<MemorySlot> Vm::MapMemory(base::GuestPhys, std::span<std::byte>, SlotAccess) {
  return MemorySlot();
}

}  // namespace vmm::kvm
