// Performs interrupt steps on the kernel: events, KVM routes and irqfds, VFIO triggers.
//
// `applied` advances with each call that succeeds, so that after a failure it is still the truth.
// One event serves VFIO and KVM: an interrupt does not enter user space (but for the time in which
// its route is gathered, kvm::Vm::GatherRoutes). A vector for which the host
// has no resource left is refused and logged; the others work. Not thread safe, but for the
// counters.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "vfio/device.h"
#include "vmm/assigned/interrupts.h"
#include "vmm/kvm/vm.h"

namespace vmm::assigned {

class InterruptApplier {
 public:
  // The device outlives it.
  explicit InterruptApplier(const vfio::Device& device) : device_(&device) {}

  // Interrupts go through `router` until Disconnect, those of the pin to `intx_gsi`.
  void Connect(kvm::InterruptRouter& router, uint32_t intx_gsi) {
    router_ = &router;
    intx_gsi_ = intx_gsi;
  }
  // Takes everything away, whatever fails on the way; the router stays.
  void Clear();
  void Disconnect();  // that too

  // Stops at the first step that fails for all vectors.
  base::Status Apply(std::span<const IrqStep> steps);
  const IrqApplied& applied() const { return applied_; }

  // Whether an interrupt came while the vector was masked.
  bool Pending(uint32_t vector);

  // Vectors that the guest wanted and that did not work.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  uint64_t set_irqs() const { return set_irqs_.load(std::memory_order_relaxed); }

 private:
  // What belongs to a vector; dies in reverse order.
  struct Resources {
    std::optional<base::EventFd> event;
    std::optional<base::EventFd> resample;  // INTx: the guest's end of interrupt, for VFIO
    std::optional<uint32_t> gsi;
    kvm::Irqfd irqfd;
  };

  base::Status Perform(const IrqStep& step);
  void Disconnect(uint32_t vector);
  base::Status Disable(IrqMode mode);
  void FreeRoute(uint32_t vector);
  base::Status SetRoute(uint32_t vector, const kvm::MsiMessage& message);
  base::Status CommitRoutes();
  base::Status Connect(uint32_t vector);
  // With fewer vectors when the host has not as many; `had` of them worked before.
  base::Status Enable(IrqMode mode, uint32_t count, uint32_t had);
  // All or nothing.
  base::Status EnableIntx();
  base::Status ArmIntx();
  base::Status Arm(uint32_t first, uint32_t count);
  base::Status Grow(uint32_t count);

  // The events of [first, first + count), -1 for vectors that are not to be armed.
  base::Result<std::vector<int>> Events(IrqMode mode, uint32_t first, uint32_t count);
  base::Status EnsureEvent(uint32_t vector);
  base::Status SetTriggers(uint32_t first, std::span<const int> events);
  void MarkArmed(uint32_t first, std::span<const int> events);
  void Refuse(uint32_t first, uint32_t count, const base::Error& why);
  void Reserve(uint32_t count);

  const vfio::Device* device_;
  kvm::InterruptRouter* router_ = nullptr;
  uint32_t intx_gsi_ = 0;
  IrqApplied applied_;
  std::vector<Resources> resources_;  // by vector, as many as in applied_
  base::Limited log_;
  std::atomic<uint64_t> set_irqs_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace vmm::assigned
