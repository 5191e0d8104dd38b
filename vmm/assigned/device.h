// A VFIO device as a function of the guest's PCI bus.
//
// The device outlives the machine's boards. Connect joins it to one, in the state after a reset;
// Disconnect takes interrupts, BARs and DMA away from it. The kernel resets the function when it is
// opened, so that a start needs no other reset; a reboot does (Reset). A guest may initiate one by
// itself (PCIe 6.0, 6.6.2): within its write the function loses interrupts, BARs and DMA, is reset
// by the kernel, and is then in its initial state, except for its connection to the machine.
//
// Thread safe: one mutex, held during kernel calls, which do not call back. Lock order: host
// bridge, then device.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/fd.h"
#include "vfio/device.h"
#include "vmm/assigned/apply.h"
#include "vmm/assigned/bar.h"
#include "vmm/assigned/config.h"
#include "vmm/assigned/hardware.h"
#include "vmm/assigned/rom.h"
#include "vmm/pci/bars.h"
#include "vmm/pci/function.h"

namespace vmm::assigned {

// What the device's place in the machine and on the host adds to it.
struct DeviceOptions {
  uint8_t guest_slot =
      0;  // device number on bus 0, its own or its port's: decides on which line its pin is
  bool behind_port = false;  // as DeviceFacts
  ConfigPolicy config = ConfigPolicy::kStandard;
  RomRequest rom = {};
  // Says what a refused INTx means; called at most once for each machine, by `later`.
  std::function<base::Error(base::Error)> explain_intx = [](base::Error why) { return why; };
  // Runs a function soon on a thread that may open files, which a vCPU's may not. Outlives the
  // device, and so does what the two functions refer to.
  std::function<void(std::function<void()>)> later = [](const auto& function) { function(); };
  // Told, by `later`, when the guest switches bus mastering on or off: it begins or ends to use the
  // device.
  std::function<void(bool on)> mastering = {};
};

// Since the device was opened.
struct AssignedCounters {
  std::array<uint64_t, pci::kRomBar + 1> trapped{};  // BAR accesses through the monitor, by BAR
  uint64_t config_accesses = 0;
  // Writes of the guest to vendor-specific capabilities and to bytes of no structure, and those of
  // both that the policy ignored.
  uint64_t config_vendor = 0;
  uint64_t config_unowned = 0;
  uint64_t config_denied = 0;
  uint64_t function_resets = 0;  // that the guest initiated
  uint64_t set_irqs = 0;
  uint64_t vectors_refused = 0;  // wanted by the guest, not to be had on the host
  uint64_t iommu_faults = 0;     // as far as the kernel has logged them
};

class AssignedDevice final : public pci::PciFunction,
                             public std::enable_shared_from_this<AssignedDevice> {
  class Key {  // only Create makes one
    friend class AssignedDevice;
    Key() = default;
  };

 public:
  // Reads what the device has and arms its events. Errors name the device, or the ROM's file.
  static base::Result<std::shared_ptr<AssignedDevice>> Create(vfio::Device device,
                                                              DeviceOptions options = {});
  AssignedDevice(Key key, vfio::Device device, DeviceOptions options,
                 std::vector<pci::BarInfo> bars, ConfigPlan plan, std::vector<std::byte> rom,
                 base::EventFd request, base::EventFd error);

  std::string_view name() const override { return name_; }
  std::vector<pci::BarInfo> bars() const override { return bar_infos_; }
  uint32_t ReadConfig(uint16_t offset, Width width) override;
  std::vector<pci::BarChange> WriteConfig(uint16_t offset, Width width, uint32_t value) override;
  base::Status ApplyBar(const pci::BarChange& change, const pci::Spaces& spaces) override;
  base::Status Connect(kvm::InterruptRouter& router) override;
  void Disconnect() override;

  // Of the function alone. kUnsupported when the device has no reset of its own,
  // kKernel when it does not answer afterwards.
  base::Status Reset() override;
  // After a reset by whatever means: registers are written anew. kKernel when the device does not
  // answer; the kernel has waited for it (pci_dev_wait, up to a minute; PCIe 6.0, 6.6.1 asks one
  // second of a device).
  base::Status CheckAfterReset();
  // Whether its configuration space can be read: what is gone reads as all ones.
  bool Answers() const;

  // A trapped access, `offset` inside the BAR.
  uint64_t ReadBar(unsigned index, uint64_t offset, Width width);
  void WriteBar(unsigned index, uint64_t offset, Width width, uint64_t value);

  // The host asks for the device back; signalled again and again until it is closed.
  const base::EventFd& request_event() const { return request_; }
  // The device has reported an uncorrectable error.
  const base::EventFd& error_event() const { return error_; }

  const vfio::Device& host() const { return hardware_.device(); }
  const sysfs::PciAddress& address() const { return host().address(); }
  const ConfigPlan& plan() const { return plan_; }
  AssignedCounters counters() const;
  void NoteIommuFault() { ++iommu_faults_; }

 private:
  void ArmEvent(uint32_t irq, const base::EventFd& event);

  // Which emulated registers an access meets: all of it, none, or a part.
  enum class Target : uint8_t { kHardware, kTable, kPending, kMixed };
  Target TargetOf(unsigned index, const base::Range& access) const;
  uint64_t ReadPendingBits(uint64_t offset, Width width);
  void WriteTable(uint64_t offset, Width width, uint64_t value);

  void QuietLocked();
  void ForgetLocked();
  void ResetByGuestLocked(uint16_t offset, const pci::WriteEffect& effect);
  void ForwardLocked(uint16_t offset, pci::WriteEffect effect);
  void SyncCommandLocked();
  void SyncInterruptsLocked();
  IrqWanted WantedLocked() const;
  void SetPinLocked(bool open);
  void ReportLocked(IrqMode wanted, const base::Error& why);
  void RefreshMsiPendingLocked(const base::Range& access);
  bool TouchesInterruptsLocked(uint16_t offset, Width width) const;
  AssignedBar* FindBarLocked(unsigned index);

  const std::string name_;
  const DeviceOptions options_;
  const std::vector<pci::BarInfo> bar_infos_;
  const ConfigPlan plan_;
  Hardware hardware_;
  const base::EventFd request_;
  const base::EventFd error_;

  std::mutex mutex_;  // all below but the counters
  pci::ConfigSpace config_;
  std::optional<pci::Msix> msix_;
  pci::DecodedBars decoded_;
  std::optional<uint16_t> hardware_command_;  // as last written
  bool mastering_ = false;                    // as last told
  bool pin_open_ = false;     // INTx is set up: the guest's disable bit is all that masks it
  bool pin_refused_ = false;  // since Connect: asked again, the host's log would say it each time
  std::vector<AssignedBar> bars_;
  InterruptApplier interrupts_;
  base::Limited log_;

  std::array<std::atomic<uint64_t>, pci::kRomBar + 1> trapped_{};
  std::atomic<uint64_t> config_accesses_{0};
  std::atomic<uint64_t> config_vendor_{0};
  std::atomic<uint64_t> config_unowned_{0};
  std::atomic<uint64_t> config_denied_{0};
  std::atomic<uint64_t> function_resets_{0};
  std::atomic<uint64_t> iommu_faults_{0};
};

}  // namespace vmm::assigned
