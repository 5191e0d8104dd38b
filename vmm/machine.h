// A whole machine, from the plan to its end.
//
// Threads: everything on the one that creates it, which also runs the event loop.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sysfs/base/kernel.h"
#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "sysfs/iommu_fault.h"
#include "sysfs/kernel_log_tail.h"
#include "sysfs/tree.h"
#include "vmm/acpi/tables.h"
#include "vmm/board.h"
#include "vmm/boot/boot.h"
#include "vmm/console.h"
#include "vmm/control/message.h"
#include "vmm/control/registry.h"
#include "vmm/control/server.h"
#include "vmm/event_loop.h"
#include "vmm/guest_devices.h"
#include "vmm/image_loader.h"
#include "vmm/memory.h"
#include "vmm/options.h"
#include "vmm/plan.h"
#include "vmm/ram/populate.h"
#include "vmm/route_gathering.h"
#include "vmm/signals.h"
#include "vmm/stats.h"

namespace vmm {

class Machine {
 public:
  // Takes managed devices from the host's drivers.
  using Acquire = std::function<base::Status()>;
  struct Hooks {
    // With Options::managed: called once, after the checks.
    Acquire acquire;
    // Hears, from this thread, how much of guest RAM has its pages, when that is needed before the
    // start.
    PopulateProgress progress;
    // For primaries of standbys; outlives the machine. Null: their addresses are left alone.
    PrimaryAddresses* addresses = nullptr;
  };

  // Checks everything that can be checked, then takes the devices. What fails leaves nothing
  // behind, but for what Hooks::acquire did. `kernel` and `tree` outlive the machine.
  static base::Result<std::unique_ptr<Machine>> Create(base::Kernel& kernel,
                                                       const sysfs::Tree& tree,
                                                       const Options& options, const Hooks& hooks);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  // Until the guest powers off or somebody ends it: 0, or the status of the guest's command. An
  // error says why the machine ended otherwise.
  base::Result<int> Run();

 private:
  Machine(const Options& options, MachinePlan plan, boot::BootImage image)
      : options_(options), plan_(std::move(plan)), image_(std::move(image)) {}

  base::Status MakeMemory();
  base::Status TakeDevices(base::Kernel& kernel, const sysfs::Tree& tree, const Hooks& hooks);
  base::Status WatchEvents();
  base::Status MakeBoard();
  base::Status StartBoard();
  void DropBoard();
  base::Status Reboot(control::Cause cause);
  void ResetOrEnd(control::Cause cause);
  void GoOnWithReset();
  // The monitor's side (machine_control.cc).
  base::Status OpenMonitor();
  std::optional<control::Answer<control::Json>> Execute(const control::Command& command);
  control::Answer<control::Json> Do(control::Verb verb);
  std::optional<control::Refusal> RefusedWithoutBoard(const control::Command& command) const;
  // Answers the client when the device is there.
  base::Status Add(const control::DeviceAdd& device);
  base::Status Add(const control::EmulatedAdd& device);
  base::Status Remove(const control::DeviceDel& device);
  base::Status Resize(const control::BlockResize& resize);
  void OnNotice(const DeviceNotice& notice);
  control::Json BlockList() const;
  void Announce(std::string_view event, const control::Json& data = {});
  // Stopped DMA (machine_faults.cc).
  void WatchFaults();
  bool OnKernelLog();  // whether there was anything
  void OnFault(const sysfs::IommuFault& fault);
  // The balloon's (machine_balloon.cc).
  control::Answer<control::Json> QueryBalloon();
  base::Status SetBalloon(uint64_t bytes);
  void OnBalloonChange();
  base::Status Pause();
  base::Status Continue();
  void AskForReset();
  RequestHandler Requests();
  void OnRequest(const MachineRequest& request);
  void OnSignal();
  size_t TakeInput(std::span<const uint8_t> bytes);
  void OnTerminalResized();
  void PressPowerButton(std::chrono::seconds patience, base::Error otherwise);
  void End(base::Status how, control::Cause cause);
  void PrintStats();
  GuestDevices::Wiring WireDevices(base::Kernel& kernel, const sysfs::Tree& tree);

  const Options options_;
  const MachinePlan plan_;
  boot::BootImage image_;
  base::Kernel* kernel_ = nullptr;
  acpi::AcpiTables acpi_;
  std::optional<SignalSource> signals_;
  std::optional<SignalSource> resizes_;  // of the terminal; with a virtio console

  // Members die in the reverse order: the board (virtual machine, processors) before the devices
  // that it reaches, these before the DMA space, that before the memory which it pins.
  std::shared_ptr<const kvm::System> system_;
  std::unique_ptr<EventLoop> loop_;
  // A client that waits for the end sees it last: devices, name and socket are free then.
  std::unique_ptr<control::Server> server_;  // none without --name and --monitor
  std::optional<control::NameClaim> name_;
  std::unique_ptr<Console> console_;
  std::optional<GuestMemory> memory_;
  std::unique_ptr<Population> population_;  // until devices may map the memory
  std::optional<ImageLoader> loader_;       // of the first board, while devices are opened
  std::unique_ptr<GuestDevices> devices_;
  std::optional<sysfs::KernelLogTail> kernel_log_;   // none without an assigned device
  std::map<std::string, base::Limited> fault_logs_;  // by the device's name
  std::vector<Watch> watches_;
  std::unique_ptr<Timer> patience_;
  std::unique_ptr<Timer> balloon_pace_;
  bool balloon_quiet_ = false;            // until the timer ends
  bool balloon_changed_ = false;          // meanwhile
  bool ended_ = false;                    // there is no other board
  std::optional<base::Error> otherwise_;  // how it ends when patience is over
  base::Status outcome_;
  control::Cause cause_ = control::Cause::kGuestShutdown;
  bool paused_ = false;      // all processors have been asked to stop
  bool stop_told_ = false;   // and have stopped
  base::Limited reset_log_;  // what a guest or client can ask for at any rate
  // There is no board: the one before was reset, and waits for what its devices still do.
  std::optional<control::Cause> resetting_;
  bool io_error_ = false;  // by a disk
  MachineStats stats_;
  // Of the board: requests of an earlier one are stale. Read by vCPU threads.
  std::atomic<unsigned> generation_{0};
  std::unique_ptr<Board> board_;
  std::shared_ptr<RouteGathering> routes_;  // the board's
};

}  // namespace vmm
