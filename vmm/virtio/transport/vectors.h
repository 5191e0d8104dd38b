// The interrupts of an emulated PCI function: MSI-X vectors, each with an event that KVM listens to
// while the vector is unmasked, and a level-triggered pin.
//
// One event for each vector, whoever signals it: KVM takes an event once (KVM_IRQFD is EBUSY the
// second time). An interrupt for a masked vector stays in its event, which is then its pending bit;
// KVM delivers it when it is connected. What is set up is set up when a guest first needs it. The
// pin may be shared with others; the guest's end of the interrupt asks who still wants it.
//
// Not thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "vmm/kvm/vm.h"
#include "vmm/pci/msix.h"

namespace vmm::virtio {

class Vectors {
 public:
  // `name` is the function's, for messages; `gsi` its pin's line.
  Vectors(std::string name, unsigned count, uint32_t gsi);

  void Connect(kvm::InterruptRouter& router) { router_ = &router; }
  // All is as after a reset.
  void Disconnect();

  pci::Msix& msix() { return msix_; }
  const pci::Msix& msix() const { return msix_; }
  // KVM's side follows the table and its masks.
  void Sync();
  // Nothing for a vector that does not exist, or with MSI-X off.
  void Signal(uint16_t vector);
  // A vector's event for somebody else who signals it; nothing for a vector that does not exist, or
  // with MSI-X off.
  std::optional<base::Fd> Share(uint16_t vector);
  uint64_t ReadPending(uint64_t offset, Width width);

  // Raises the pin's level until the guest ends the interrupt; for as long as it is wanted this is
  // called after each end.
  void RaisePin();
  // The guest's ends of interrupts, made with the first RaisePin; nothing before.
  const std::shared_ptr<base::EventFd>& ends() const { return ends_; }
  base::Status PreparePin();

 private:
  // Dies in reverse order.
  struct Vector {
    std::optional<base::EventFd> event;
    std::optional<uint32_t> gsi;
    kvm::MsiMessage message;
    bool pending = false;  // taken out of the event
    bool connected = false;
    kvm::Irqfd irqfd;
  };
  Vector* Find(uint16_t index);
  base::Status Route(Vector& vector, const kvm::MsiMessage& message);
  static base::Status Listen(kvm::InterruptRouter& router, Vector& vector);
  static void TakePending(Vector& vector);

  const std::string name_;
  const uint32_t gsi_;
  pci::Msix msix_;
  kvm::InterruptRouter* router_ = nullptr;
  std::vector<Vector> vectors_;
  std::optional<base::EventFd> pin_;
  std::shared_ptr<base::EventFd> ends_;
  kvm::Irqfd pin_irqfd_;
  bool pin_refused_ = false;
  base::Limited log_;
};

}  // namespace vmm::virtio
