// Which interrupt goes where inside KVM: the routing table as a value.
//
// KVM takes the table only whole (KVM_SET_GSI_ROUTING) and each commit waits for a grace period, so
// changes are collected here and committed once. Numbers 0 to 23 are the pins of PIC and I/O APIC,
// one to one but for the timer: as on a PC it is on pin 2 of the I/O APIC, which the MADT's
// override tells. MSI routes take numbers from 24 on.
//
// Not thread safe: the owner locks.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/kvm/msi_message.h"

namespace vmm::kvm {

inline constexpr uint32_t kPinCount = 24;     // of the I/O APIC
inline constexpr uint32_t kPicPinCount = 16;  // of both PICs
inline constexpr uint32_t kMaxRoutes = 4096;  // KVM_MAX_IRQ_ROUTES

enum class Chip : uint8_t { kPicMaster = 0, kPicSlave = 1, kIoApic = 2 };  // KVM_IRQCHIP_*

struct ChipRoute {
  uint32_t gsi = 0;
  Chip chip = Chip::kIoApic;
  uint32_t pin = 0;
  bool operator==(const ChipRoute&) const = default;
};

struct MsiRoute {
  uint32_t gsi = 0;
  MsiMessage message;
  bool operator==(const MsiRoute&) const = default;
};

// The pins' routes, part of every table.
std::vector<ChipRoute> ChipRoutes();
inline constexpr uint32_t kTimerGsi = 0;
inline constexpr uint32_t kTimerIoApicPin = 2;

class RouteTable {
 public:
  // A number that no one has; nothing when all are taken.
  std::optional<uint32_t> Allocate();
  // Forgets the route too. A number that is not allocated is ignored. That KVM still has the route
  // is no change that has to be committed: without an irqfd nothing takes it.
  void Free(uint32_t gsi);
  // Only for an allocated number; ignored otherwise.
  void SetMsi(uint32_t gsi, const MsiMessage& message);

  // Whether there are routes that were not committed.
  bool changed() const { return changed_; }
  void MarkCommitted();
  // Whether KVM has the route as it is here.
  bool IsCommitted(uint32_t gsi) const;
  std::optional<MsiMessage> Message(uint32_t gsi) const;
  // By number; allocated numbers without a message have no route.
  std::vector<MsiRoute> msi_routes() const;

 private:
  struct Slot {
    bool taken = false;
    bool committed = false;
    std::optional<MsiMessage> message;
  };
  Slot* Find(uint32_t gsi);
  const Slot* Find(uint32_t gsi) const { return const_cast<RouteTable*>(this)->Find(gsi); }

  std::vector<Slot> slots_;  // of number kPinCount + index
  bool changed_ = false;
};

}  // namespace vmm::kvm
