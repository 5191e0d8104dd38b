// One virtual processor: its state before the first instruction, and running it.
//
// Move-only. Everything is called from one thread at a time, but RequestExit, which any thread may
// call. The Vm outlives it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/mapping.h"
#include "sysfs/base/result.h"
#include "vmm/boot/boot.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/kvm/exit.h"
#include "vmm/kvm/vm.h"

struct kvm_run;

namespace vmm::kvm {

class Vcpu {
 public:
  // After CreateInterruptController. `id` is the APIC id; 0 starts by itself, the others wait for
  // the start-up interrupt of the guest.
  static base::Result<Vcpu> Create(Vm& vm, uint32_t id);

  uint32_t id() const { return id_; }

  // What firmware leaves behind: CPUID, memory type write-back, fast string operations, and (on the
  // first processor; others are reset by the guest's INIT) LINT0 for the PIC and LINT1 for NMI.
  base::Status Prepare(std::span<const CpuidEntry> cpuid);
  // Where the first processor starts.
  base::Status SetEntry(const boot::EntryState& entry);

  // Runs until something needs user space. Completes the read of the exit before.
  Exit Run();
  // While on, Run completes the exit before and returns InterruptedExit. A processor that is in the
  // guest sees it when a signal arrives.
  void RequestExit(bool on);

  // Before Run after a pause: a guest that has a KVM clock does not take the gap for a hang
  // (KVM_KVMCLOCK_CTRL, Documentation/virt/kvm/api.rst, 4.70).
  void NotePause();

  // All registers as text; says so when KVM does not give them.
  std::string DumpRegisters() const;

 private:
  Vcpu(base::Kernel& kernel, uint32_t id, base::Fd fd, base::Mapping shared)
      : kernel_(&kernel), id_(id), fd_(std::move(fd)), shared_(std::move(shared)) {}
  kvm_run& run() const;
  Exit Decode();
  base::Status SetCpuid(std::span<const CpuidEntry> cpuid);
  base::Status SetModelRegisters();
  base::Status SetLocalInterrupts();
  base::Status Ioctl(unsigned long request, void* argument, std::string_view name) const;

  base::Kernel* kernel_;
  uint32_t id_;
  base::Fd fd_;
  base::Mapping shared_;  // struct kvm_run and what follows it
};

}  // namespace vmm::kvm
