// The processor's state at the guest's first instruction, and registers as text.
//
// Linux by its 64-bit protocol starts in long mode on page tables that the loader made
// (Documentation/arch/x86/boot.rst, 64-bit boot protocol); PVH starts in flat 32-bit protected mode
// without paging (xen/include/public/arch-x86/hvm/start_info.h). Pure.
#pragma once

#include <string>

#include "vmm/boot/boot.h"
#include "vmm/kvm/uapi.h"

namespace vmm::kvm {

kvm_regs EntryRegisters(const boot::EntryState& entry);
// `system` is what the processor has after its creation: the APIC base and the like stay.
kvm_sregs EntrySystemRegisters(const boot::EntryState& entry, kvm_sregs system);

// Several lines without a last newline.
std::string FormatRegisters(const kvm_regs& general, const kvm_sregs& system);

}  // namespace vmm::kvm
