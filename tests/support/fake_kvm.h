// A KVM that answers from memory: descriptors are memfds, a vCPU's shared area is a real mapping.
//
// Records what was registered and the calls in their order, fails at the call that a test names,
// and runs a scripted guest: `on_run` fills the shared area as KVM_RUN would.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "sysfs/base/kernel.h"
#include "vmm/kvm/uapi.h"

namespace test {

class FakeKvm final : public base::Kernel {
 public:
  static constexpr size_t kVcpuMapBytes = size_t{3} * 4096;

  FakeKvm();

  base::Result<base::Fd> Open(const std::string& path, int flags) override;
  base::Result<int> Ioctl(const base::Fd& fd, unsigned long request, void* argument,
                          std::string_view name) override;

  // Names without what is in parentheses, in their order. KVM_RUN is left out.
  std::vector<std::string> calls() const;
  void ClearCalls();
  // The call of this number (from 0) fails with EIO; -1 for none.
  void FailAt(int call) { fail_at_ = call; }

  int open_error = 0;  // errno of Open
  int api_version = KVM_API_VERSION;
  std::vector<kvm_cpuid_entry2> cpuid;

  // What is registered now.
  std::map<uint32_t, kvm_userspace_memory_region> slots;
  std::map<uint32_t, uint32_t> irqfds;     // descriptor to GSI
  std::map<uint32_t, uint32_t> resamples;  // descriptor to the one that is signalled
  std::map<uint64_t, int> doorbells;       // address to descriptor
  std::vector<kvm_irq_routing_entry> routes;
  std::vector<kvm_msi> messages;                 // KVM_SIGNAL_MSI
  std::vector<std::pair<uint32_t, bool>> lines;  // changes, in their order
  std::vector<int> vfio_files;
  kvm_regs general{};
  kvm_sregs system{};
  kvm_lapic_state lapic{};
  std::map<uint32_t, uint64_t> model_registers;
  std::vector<kvm_cpuid_entry2> vcpu_cpuid;  // of the last vCPU that got any

  // KVM_RUN: 0, or the errno. Called on the vCPU's thread; `vcpu` counts from 0.
  std::function<int(unsigned vcpu, kvm_run& run)> on_run;

 private:
  int Handle(unsigned long request, void* argument);
  int HandleVcpu(unsigned long request, void* argument);
  int Run(const base::Fd& fd);
  int NewDescriptor(size_t size);

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  int fail_at_ = -1;
  std::map<int, unsigned> vcpus_;  // descriptor to number
};

}  // namespace test
