// One KVM virtual machine and what is registered with it. A guest's reboot makes a new one: nothing
// of the old guest's state can stay behind.
//
// Handles (MemorySlot, Irqfd, Doorbell) undo their registration when they die and must die before
// the Vm. All calls are thread safe. Source: Documentation/virt/kvm/api.rst.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/fd.h"
#include "sysfs/base/kernel.h"
#include "sysfs/base/result.h"
#include "vmm/kvm/msi_message.h"
#include "vmm/kvm/system.h"

namespace vmm::kvm {

class Vm;

enum class SlotAccess : uint8_t { kReadWrite, kReadOnly };

// Guest-physical memory backed by host memory (KVM_SET_USER_MEMORY_REGION).
class MemorySlot {
 public:
  MemorySlot() = default;
  MemorySlot(MemorySlot&& other) noexcept;
  MemorySlot& operator=(MemorySlot&& other) noexcept;
  MemorySlot(const MemorySlot&) = delete;
  MemorySlot& operator=(const MemorySlot&) = delete;
  ~MemorySlot();

 private:
  friend class Vm;
  MemorySlot(Vm* vm, uint32_t slot) : vm_(vm), slot_(slot) {}
  Vm* vm_ = nullptr;
  uint32_t slot_ = 0;
};

// An event that raises an interrupt inside the kernel (KVM_IRQFD), or will when its route is there
// (Vm::GatherRoutes).
class Irqfd {
 public:
  Irqfd() = default;
  Irqfd(Irqfd&& other) noexcept;
  Irqfd& operator=(Irqfd&& other) noexcept;
  Irqfd(const Irqfd&) = delete;
  Irqfd& operator=(const Irqfd&) = delete;
  ~Irqfd();

 private:
  friend class Vm;
  Irqfd(Vm* vm, int event, uint32_t gsi) : vm_(vm), event_(event), gsi_(gsi) {}
  Vm* vm_ = nullptr;
  int event_ = -1;
  uint32_t gsi_ = 0;
};

// A guest's write to an address that signals an event inside the kernel, whatever it writes
// (KVM_IOEVENTFD of length 0).
class Doorbell {
 public:
  Doorbell() = default;
  Doorbell(Doorbell&& other) noexcept;
  Doorbell& operator=(Doorbell&& other) noexcept;
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell();

 private:
  friend class Vm;
  Doorbell(Vm* vm, int event, base::GuestPhys address)
      : vm_(vm), event_(event), address_(address) {}
  Vm* vm_ = nullptr;
  int event_ = -1;
  base::GuestPhys address_;
};

// What interrupts of devices are connected through; a fake one in tests.
class InterruptRouter {
 public:
  virtual ~InterruptRouter() = default;
  // A free interrupt number for an MSI route.
  virtual base::Result<uint32_t> AllocateGsi() = 0;
  virtual void FreeGsi(uint32_t gsi) = 0;
  // Takes effect at CommitRoutes.
  virtual void SetMsiRoute(uint32_t gsi, const MsiMessage& message) = 0;
  // One KVM_SET_GSI_ROUTING for all changes since the last; nothing when there are none. May be put
  // off (Vm::GatherRoutes): an irqfd that is connected afterwards works all the same.
  virtual base::Status CommitRoutes() = 0;
  virtual base::Result<Irqfd> ConnectIrqfd(const base::EventFd& event, uint32_t gsi) = 0;
  // One message, without a route of its own: for what interrupts seldom.
  virtual base::Status SignalMsi(const MsiMessage& message) = 0;
  // For a level-triggered line, a pin of the I/O APIC that several may share: `event` raises it,
  // the guest's end of the interrupt lowers it and signals `resample`.
  virtual base::Result<Irqfd> ConnectLevelIrqfd(const base::EventFd& event,
                                                const base::EventFd& resample, uint32_t gsi) = 0;
};

struct RouteCounts {
  uint64_t commits = 0;  // KVM_SET_GSI_ROUTING of MSI routes
  uint64_t relayed = 0;  // interrupts that Vm::Relay has carried
};

class Vm final : public InterruptRouter {
 public:
  // Opens /dev/kvm; kUnsupported when it is not there or lacks what we need (named), kDenied
  // without permission.
  static base::Result<std::unique_ptr<Vm>> Create(base::Kernel& kernel);
  // Another virtual machine on the same /dev/kvm, as a reboot makes it.
  static base::Result<std::unique_ptr<Vm>> Create(std::shared_ptr<const System> system);
  class Key;
  Vm(Key key, std::shared_ptr<const System> system, base::Fd vm);  // for Create alone
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;
  ~Vm() override;

  // `guest` and memory are multiples of the page size. RAM slots come before
  // CreateInterruptController: afterwards the first one waits for an RCU grace period (6 ms).
  base::Result<MemorySlot> MapMemory(base::GuestPhys guest, std::span<std::byte> memory,
                                     SlotAccess access);
  // The whole in-kernel interrupt controller, with the routes of PIC and I/O APIC pins, and the
  // timer (PIT).
  base::Status CreateInterruptController();
  base::Result<base::Fd> CreateVcpu(uint32_t id);
  // The event outlives the doorbell. No two at one address.
  base::Result<Doorbell> ConnectDoorbell(const base::EventFd& event, base::GuestPhys address);
  base::Status SetLine(uint32_t gsi, bool level);
  // KVM_DEV_VFIO_FILE_ADD: KVM holds the file until UnlinkVfio or its own end.
  base::Status LinkVfio(int fd);
  base::Status UnlinkVfio(int fd);

  // From now on routes are gathered: a commit that no connected irqfd needs is put off until
  // SettleRoutes, and meanwhile Relay carries the interrupts. A guest's drivers unmask vectors one
  // by one, and each KVM_SET_GSI_ROUTING waits for a grace period of SRCU. `first_waits` is called,
  // from any thread and under a lock, when there is something to settle.
  base::Status GatherRoutes(std::function<void()> first_waits);
  // Each commit at once again; `first_waits` is not called any more.
  void StopGathering();
  // Readable when Relay has something to do.
  const base::Fd& relay_fd() const;
  // Settles, too, when interrupts are many.
  void Relay();
  base::Status SettleRoutes();
  RouteCounts route_counts() const;

  base::Result<uint32_t> AllocateGsi() override;
  void FreeGsi(uint32_t gsi) override;
  void SetMsiRoute(uint32_t gsi, const MsiMessage& message) override;
  base::Status CommitRoutes() override;
  base::Result<Irqfd> ConnectIrqfd(const base::EventFd& event, uint32_t gsi) override;
  base::Status SignalMsi(const MsiMessage& message) override;
  base::Result<Irqfd> ConnectLevelIrqfd(const base::EventFd& event, const base::EventFd& resample,
                                        uint32_t gsi) override;

  base::Kernel& kernel() const { return system_->kernel(); }
  const base::Fd& system() const { return system_->fd(); }  // /dev/kvm
  const std::shared_ptr<const System>& host() const { return system_; }

 private:
  friend class MemorySlot;
  friend class Irqfd;
  friend class Doorbell;
  base::Status ListenLocked(int event, uint32_t gsi);
  base::Status SetRoutesLocked();
  base::Status SettleRoutesLocked();
  void ConnectRelayedLocked();
  base::Status TellVfioLocked(uint64_t attribute, int fd, std::string_view name);
  void RemoveSlot(uint32_t slot);
  void DisconnectIrqfd(int event, uint32_t gsi);
  void DisconnectDoorbell(int event, base::GuestPhys address);
  base::Result<int> Ioctl(unsigned long request, void* argument, std::string_view name) const;

  std::shared_ptr<const System> system_;
  base::Fd vm_;
  struct State;
  std::unique_ptr<State> state_;  // vm_state.h; under its own mutex
};

}  // namespace vmm::kvm
