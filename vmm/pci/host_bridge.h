// The guest's PCI bus 0: finds functions for configuration accesses by ports 0xcf8-0xcff (PCI 3.0,
// 3.2.2.3.2) and by memory (ECAM, PCIe 6.0, 7.2.2), and makes their BARs active.
//
// Absent functions and other buses read as all ones. Configuration accesses are serialised by one
// mutex; lock order is host bridge, then function.
//
// The bridge outlives the machine's boards: Connect puts it and its functions on a board's buses,
// Disconnect takes them off before the board goes. The caller makes sure that no vCPU runs during
// either.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "vmm/layout.h"
#include "vmm/pci/bar_map.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/function.h"
#include "vmm/pci/registers.h"

namespace vmm::pci {

// What a function shows to the guest right now.
struct FunctionView {
  uint8_t devfn = 0;
  std::array<uint8_t, header::kEnd> header{};
  std::vector<BarInfo> bars;
  DecodedBars decoded;
};

class HostBridge final : public std::enable_shared_from_this<HostBridge> {
  class Key {  // only Create makes one
    friend class HostBridge;
    Key() = default;
  };

 public:
  // Accesses of one byte to port 0xcf9 lie inside the address register and belong to `reset_port`
  // (offset 0); it may be null.
  static std::shared_ptr<HostBridge> Create(const Layout& layout,
                                            std::shared_ptr<IoDevice> reset_port);
  HostBridge(Key key, const Layout& layout, std::shared_ptr<IoDevice> reset_port);

  // `devfn` is device * 8 + function. kUsage when the address is taken (0 is the bridge's own).
  base::Status Add(uint8_t devfn, std::shared_ptr<PciFunction> function);

  // Attaches the bridge to the ports and the memory of `spaces`, connects all functions and gives
  // every BAR an address. After a failure everything is disconnected again.
  base::Status Connect(const Spaces& spaces, kvm::InterruptRouter& router);
  void Disconnect();

  // Any width up to 4, any offset; what lies beyond the function's 4 KiB is absent.
  uint32_t ReadConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width);
  void WriteConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width, uint32_t value);

  // All functions, by devfn. From any thread.
  std::vector<FunctionView> View();

 private:
  base::Status AttachAll();
  base::Status AssignBars();
  bool IsMultiFunction(uint8_t devfn) const;

  const Layout layout_;
  const std::shared_ptr<IoDevice> reset_port_;
  std::mutex mutex_;  // all below
  std::array<std::shared_ptr<PciFunction>, 256> functions_;
  BarMap bars_;
  Spaces spaces_;
};

}  // namespace vmm::pci
