// A PCI function on the guest's bus: its configuration space and what its BARs are.
//
// The host bridge calls it under its own lock, one access at a time; lock order is host bridge,
// then function.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/bus.h"
#include "vmm/io.h"
#include "vmm/kvm/vm.h"

namespace vmm::pci {

enum class BarKind : uint8_t { kMemory32, kMemory64, kIo };

inline constexpr unsigned kRomBar = 6;

struct BarInfo {
  unsigned index = 0;  // 0 to 5, or kRomBar: the expansion ROM, of kMemory32
  BarKind kind = BarKind::kMemory32;
  uint64_t size = 0;  // a power of two, at least 2 KiB of the ROM
  bool prefetchable = false;
};

// Where an active BAR is attached.
struct Spaces {
  Bus* ports = nullptr;
  Bus* memory = nullptr;
  kvm::Vm* vm = nullptr;
};

// A BAR that became active at an address or ceased to be.
struct BarChange {
  unsigned index = 0;
  base::Range range;
  bool active = false;
  bool owns_page = false;  // the host bridge's: OwnsPage
  bool operator==(const BarChange&) const = default;
};

class PciFunction {
 public:
  virtual ~PciFunction() = default;
  virtual std::string_view name() const = 0;
  virtual std::vector<BarInfo> bars() const = 0;
  virtual uint32_t ReadConfig(uint16_t offset, Width width) = 0;
  // What the write means for the address spaces, deactivations first; the caller does it through
  // ApplyBar.
  virtual std::vector<BarChange> WriteConfig(uint16_t offset, Width width, uint32_t value) = 0;
  // After a write: what the processor that made it waits for before it goes on, to be called
  // without any lock. Nothing for most writes.
  virtual std::function<void()> Waiting() { return {}; }
  // Attaches or detaches the BAR. A failure is logged by the caller; the BAR then stays inactive.
  virtual base::Status ApplyBar(const BarChange& change, const Spaces& spaces) = 0;

  // A new virtual machine is there (start and each reboot), through which interrupts go until
  // Disconnect: everything is as after a reset and nothing is attached.
  virtual base::Status Connect(kvm::InterruptRouter& router) = 0;
  // Interrupts, BAR mappings and DMA of this function end; the virtual machine goes away after
  // this, or the card.
  virtual void Disconnect() = 0;
  // Between Disconnect and the next Connect: nothing of what the guest did stays.
  virtual base::Status Reset() { return {}; }
};

}  // namespace vmm::pci
