// The host's KVM as found on /dev/kvm: asked once, shared by all virtual machines of this process.
//
// Immutable after Open, so thread safe. Source: Documentation/virt/kvm/api.rst.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "vmm/kvm/cpuid.h"

namespace vmm::kvm {

class System {
 public:
  // kUnsupported when /dev/kvm is not there or is no KVM that we know, kDenied without permission.
  // The kernel outlives the system.
  static base::Result<std::shared_ptr<const System>> Open(base::Kernel& kernel);

  class Key;
  System(Key key, base::Kernel& kernel, base::Fd fd);  // for Open alone

  base::Kernel& kernel() const { return *kernel_; }
  const base::Fd& fd() const { return fd_; }
  const std::vector<CpuidEntry>& supported_cpuid() const { return cpuid_; }
  bool tsc_deadline_timer() const { return tsc_deadline_timer_; }
  size_t vcpu_map_bytes() const { return vcpu_map_bytes_; }

 private:
  base::Status Ask();

  base::Kernel* kernel_;
  base::Fd fd_;
  std::vector<CpuidEntry> cpuid_;
  bool tsc_deadline_timer_ = false;
  size_t vcpu_map_bytes_ = 0;
};

}  // namespace vmm::kvm
