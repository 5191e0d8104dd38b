// A PCIe root port with a hot-plug slot: a bridge on bus 0 whose secondary bus holds one card.
//
// The port forwards whatever its card decodes; the guest's windows are kept and narrow nothing
// (CheckBar keeps a card away from what is not its own). Hot-plug events are told by MSI; a guest
// without MSI has no hot-plug. The host bridge serialises all calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sysfs/base/log.h"
#include "vmm/pci/config_space.h"
#include "vmm/pci/function.h"
#include "vmm/pci/msi.h"
#include "vmm/pci/slot.h"

namespace vmm::pci {

// What a port is set up to forward, before a guest decides otherwise. Multiples of 1 MiB, `io` of
// 4 KiB; empty: nothing.
struct PortWindows {
  base::Range memory;    // below 4 GiB
  base::Range prefetch;  // 64-bit
  base::Range io;
  bool operator==(const PortWindows&) const = default;
};

// What the card's link does, for the port's own registers.
struct Link {
  uint16_t speed = 1;  // as in the link status register: 1 is 2.5 GT/s
  uint16_t width = 1;
};

class RootPort final : public PciFunction {
 public:
  // The number is that of the slot and of the bus behind it, 1 to 255.
  explicit RootPort(uint8_t number);

  std::string_view name() const override { return name_; }
  std::vector<BarInfo> bars() const override { return {}; }
  uint32_t ReadConfig(uint16_t offset, Width width) override;
  std::vector<BarChange> WriteConfig(uint16_t offset, Width width, uint32_t value) override;
  base::Status ApplyBar(const BarChange& change, const Spaces& spaces) override;
  base::Status Connect(kvm::InterruptRouter& router) override;
  void Disconnect() override { router_ = nullptr; }

  void SetWindows(const PortWindows& windows);
  // As the guest has them now.
  PortWindows windows() const;
  uint8_t number() const { return number_; }
  // Of the bus behind it, as the guest has numbered it.
  uint8_t secondary_bus() const;
  // Whether accesses reach the card.
  bool forwards() const { return slot_.link_active(); }
  bool occupied() const { return slot_.occupied(); }

  // Before Connect it is there from the start.
  void Insert(const Link& link);
  void Remove();
  void PressButton();
  void TakeBackPress();
  void Announce();
  // What the last write of the guest meant for the card; asked once.
  Slot::Power TakePower() { return std::exchange(power_, Slot::Power::kUnchanged); }
  bool TakeReset() { return std::exchange(reset_, false); }  // a secondary bus reset

 private:
  void ShowSlot();
  void Notify();

  const uint8_t number_;
  const std::string name_;
  ConfigSpace config_;
  Slot slot_{false};
  Link link_;
  Slot::Power power_ = Slot::Power::kUnchanged;
  bool reset_ = false;
  bool notified_ = false;
  kvm::InterruptRouter* router_ = nullptr;
  base::Limited log_;
};

}  // namespace vmm::pci
