// What the guest's processors say of themselves (CPUID), planned from what KVM supports.
//
// One socket of N cores without threads; APIC ids count from 0. Hidden on purpose: nested
// virtualisation (VMX, SVM), MWAIT, SGX, and asynchronous page faults (RAM of a machine with
// devices is pinned and never paged). Sources: Intel SDM volume 2, CPUID; AMD APM volume 3,
// appendix E; Documentation/virt/kvm/x86/cpuid.rst.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vmm::kvm {

struct CpuidEntry {
  uint32_t function = 0;
  uint32_t index = 0;
  bool has_index = false;  // the subleaf in ECX matters
  uint32_t eax = 0;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
  bool operator==(const CpuidEntry&) const = default;
};

struct CpuidRequest {
  uint32_t cpu_index = 0;
  uint32_t cpu_count = 1;
  bool tsc_deadline_timer = false;  // KVM_CAP_TSC_DEADLINE_TIMER
};

inline constexpr uint32_t kMaxCpus = 32;

// Pure. `supported` is the reply of KVM_GET_SUPPORTED_CPUID.
std::vector<CpuidEntry> PlanCpuid(std::span<const CpuidEntry> supported,
                                  const CpuidRequest& request);

// The guest's physical address width (leaf 0x80000008; 36 when there is none), which the address
// plan must keep to.
unsigned PhysicalAddressBits(std::span<const CpuidEntry> supported);

}  // namespace vmm::kvm
