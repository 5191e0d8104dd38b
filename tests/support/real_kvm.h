// This machine's own KVM for tests that run a few instructions, and what their guests stand on.
#pragma once

#include <memory>
#include <span>

#include "vmm/boot/boot.h"
#include "vmm/kvm/system.h"
#include "vmm/memory.h"

namespace test {

// Nothing where /dev/kvm is missing or may not be opened: skip the test then.
std::shared_ptr<const vmm::kvm::System> OpenRealKvm();

// 4 MiB of RAM at 0 with `code` at kCodeAddress, a segment table and, for 64 bits, page tables that
// map the first 4 GiB one to one. From 0x2000 to 0x3fff, 0x5000 to 0xffff: free for the test.
inline constexpr uint64_t kCodeAddress = 0x100000;
inline constexpr uint64_t kStackAddress = 0xf0000;
vmm::GuestMemory MakeGuest(std::span<const uint8_t> code);
vmm::boot::EntryState Enter(vmm::boot::Protocol protocol);

}  // namespace test
