// The guest's PCI buses: finds functions for configuration accesses by ports 0xcf8-0xcff (PCI 3.0,
// 3.2.2.3.2) and by memory (ECAM, PCIe 6.0, 7.2.2), makes their BARs active, and holds what is
// plugged into root ports.
//
// Absent functions and other buses read as all ones. Configuration accesses are serialised by one
// mutex; lock order is host bridge, then function.
//
// The bridge outlives the machine's boards: Connect puts it and its functions on a board's buses,
// Disconnect takes them off before the board goes. The caller makes sure that no vCPU runs during
// either. Hot-plug (Insert to TakeOut) is for the thread that owns the machine, while connected.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "vmm/layout.h"
#include "vmm/pci/bar_map.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/fair_mutex.h"
#include "vmm/pci/function.h"
#include "vmm/pci/port_plan.h"
#include "vmm/pci/registers.h"
#include "vmm/pci/root_port.h"

namespace vmm::pci {

// What is plugged into a port: one device with up to 8 functions.
struct Card {
  std::array<std::shared_ptr<PciFunction>, 8> functions;
  Link link;
  // Resets all functions at once, which are disconnected: called by a vCPU's thread with the bridge
  // locked. Without it each resets itself.
  std::function<base::Status()> reset;
};

// What a function shows to the guest right now.
struct FunctionView {
  std::string name;
  uint8_t bus = 0;
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
  // A port by its devfn. Called from vCPU threads with the bridge locked: post, call nothing.
  using RemovedHandler = std::function<void(uint8_t port)>;

  // Accesses of one byte to port 0xcf9 lie inside the address register and belong to `reset_port`
  // (offset 0); it may be null.
  static std::shared_ptr<HostBridge> Create(const Layout& layout,
                                            std::shared_ptr<IoDevice> reset_port);
  HostBridge(Key key, const Layout& layout, std::shared_ptr<IoDevice> reset_port);

  // `devfn` is device * 8 + function. kUsage when the address is taken (0 is the bridge's own).
  base::Status Add(uint8_t devfn, std::shared_ptr<PciFunction> function);
  base::Status AddPort(uint8_t devfn, uint8_t number);

  // Attaches the bridge to the ports and the memory of `spaces`, connects all functions and gives
  // every BAR an address. After a failure everything is disconnected again.
  base::Status Connect(const Spaces& spaces, kvm::InterruptRouter& router);
  // A card that the guest was asked to let go of leaves with the board.
  void Disconnect();

  // Told when a card is out that nobody took: the guest has let go of it as RequestRemoval asked,
  // or it did not come back from a reset.
  void OnRemoved(RemovedHandler handler) { removed_ = std::move(handler); }
  bool IsFree(uint8_t port);  // it has no card
  // Before Connect: the card is there from the start. Afterwards the guest is told of it. kInUse
  // when the port has a card, kUnfit when the guest has no addresses for it.
  base::Status Insert(uint8_t port, Card card);
  // Tells of a card that has no power yet once more; false when there is none such.
  bool Announce(uint8_t port);
  // Presses the slot's button. kNotFound without a card.
  base::Status RequestRemoval(uint8_t port);
  // The guest has not let go, and keeps its card: the press is taken back as far as it can be, and
  // from now on it may be asked again.
  void WithdrawRequest(uint8_t port);
  // The card is out when it returns, whatever the guest does with it. Disconnected as well.
  void TakeOut(uint8_t port);
  // A function of bus 0, not of a port, is no longer there, whatever the guest does with it.
  // Disconnected as well.
  void Remove(uint8_t devfn);

  // Any width up to 4, any offset; what lies beyond the function's 4 KiB is absent.
  uint32_t ReadConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width);
  void WriteConfig(uint8_t bus, uint8_t devfn, uint16_t offset, Width width, uint32_t value);

  // All functions that the guest can reach, those of bus 0 first. From any thread.
  std::vector<FunctionView> View();

 private:
  struct Port {
    std::shared_ptr<RootPort> port;
    Card card;
    bool running = false;  // its functions are connected
    bool used = false;     // a guest had it since the last reset
    bool leaving = false;
  };

  // What is on a bus, and what all of them have.
  struct Bus {
    std::vector<PciFunction*> present;
    std::vector<FunctionBars> bars;
    void Add(PciFunction& function) {
      present.push_back(&function);
      bars.push_back({std::string(function.name()), function.bars()});
    }
  };
  struct Content {
    Bus root;
    std::vector<Bus> cards;  // by port
    std::vector<PortContent> ports;
  };

  Content ContentLocked();
  base::Status AttachAll();
  base::Status ConnectAll();
  base::Status AssignBars();
  void SetBars(const std::vector<PciFunction*>& functions, std::span<const BarPlacement> plan);
  PciFunction* FindLocked(uint8_t bus, uint8_t devfn);
  bool IsMultiFunctionLocked(uint8_t bus, uint8_t devfn);
  Port* PortLocked(uint8_t devfn);
  Port* PortOfBusLocked(uint8_t bus);

  base::Status CheckFitLocked(uint8_t devfn, const Card& card);
  // The card as the port's power has it.
  void SyncLocked(uint8_t devfn, Port& port);
  base::Status StartCardLocked(Port& port);
  static base::Status ResetCardLocked(Port& port);
  void StopLocked(PciFunction& function);
  void StopCardLocked(Port& port);
  void DropCardLocked(Port& port);
  void EjectLocked(uint8_t devfn, Port& port);

  const Layout layout_;
  const std::shared_ptr<IoDevice> reset_port_;
  RemovedHandler removed_;
  FairMutex mutex_;                                          // all below
  std::array<std::shared_ptr<PciFunction>, 256> functions_;  // of bus 0
  std::map<uint8_t, Port> ports_;                            // by devfn
  BarMap bars_;
  Spaces spaces_;
  kvm::InterruptRouter* router_ = nullptr;
  base::Limited log_;
};

}  // namespace vmm::pci
