// One life of the virtual machine, from one reset to the next: KVM's machine, its memory slots,
// processors, buses and platform devices.
//
// A guest's reboot drops the board and makes a new one over the same guest RAM, so that nothing of
// the old guest's state stays behind and the devices' DMA maps stay as they are. PCI connects to
// ports(), memory() and vm() between Create and Resume and disconnects before the board goes.
//
// The reset port 0xcf9 is not here: it lies inside of the PCI configuration ports (HostBridge).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "sysfs/base/result.h"
#include "vmm/boot/boot.h"
#include "vmm/bus.h"
#include "vmm/devices/power.h"
#include "vmm/devices/serial.h"
#include "vmm/kvm/vm.h"
#include "vmm/memory.h"
#include "vmm/platform.h"
#include "vmm/request.h"
#include "vmm/vcpu_thread.h"

namespace vmm {

struct BoardOptions {
  unsigned cpu_count = 1;  // 1 to kvm::kMaxCpus
  // By serial port; where there is none the bytes are dropped. Called from vCPU threads.
  std::array<std::function<void(std::span<const uint8_t>)>, kSerialPorts.size()> serial_output;
  RequestHandler request;
};

// Threads: everything from the one that owns the board, but exits(), PowerButton and the serial
// ports' Input from any.
class Board {
 public:
  static constexpr std::chrono::milliseconds kStopTime{5000};

  // The memory outlives the board.
  static base::Result<std::unique_ptr<Board>> Create(std::shared_ptr<const kvm::System> system,
                                                     const GuestMemory& memory,
                                                     BoardOptions options);
  class Key;
  Board(Key key, BoardOptions options);  // for Create alone
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  ~Board();

  // The first processor's state; Resume starts all threads.
  base::Status Prepare(const boot::EntryState& entry);
  // Both.
  base::Status Start(const boot::EntryState& entry);
  // All processors stop between two instructions and the held serial output goes out. kTimedOut
  // names the processor that waits in a device.
  base::Status Stop(std::chrono::milliseconds limit = kStopTime);
  // From Prepare, or goes on where Stop left it. After a failure no processor runs.
  base::Status Resume();
  // Before the Resume that ends a pause.
  void NotePause();

  kvm::Vm& vm() { return *vm_; }
  Bus& ports() { return *ports_; }
  Bus& memory() { return *memory_; }
  Serial& serial(size_t index) { return *serials_.at(index); }
  Power& power() { return *power_; }

  // Of all processors, by kind (kvm::kExitNames).
  ExitCounts exits() const;

 private:
  base::Status MapRam(const GuestMemory& memory);
  base::Status AttachDevices();
  base::Status AttachSerial(size_t index);
  base::Status CreateVcpus();
  std::function<void(bool)> Line(uint32_t gsi);

  // In the order of creation, which is the reverse of the order in which they may go away: devices
  // raise interrupts of the machine, processors call devices through the buses.
  const BoardOptions options_;
  std::unique_ptr<kvm::Vm> vm_;
  std::vector<kvm::MemorySlot> slots_;
  std::array<std::shared_ptr<Serial>, kSerialPorts.size()> serials_;
  std::shared_ptr<Power> power_;
  std::unique_ptr<Bus> ports_;
  std::unique_ptr<Bus> memory_;
  std::vector<std::unique_ptr<VcpuThread>> vcpus_;
};

}  // namespace vmm
