#include "vmm/machine.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <numeric>

#include "sysfs/base/log.h"
#include "sysfs/kmod_library.h"
#include "vfio/memlock.h"
#include "vmm/confinement/confine.h"
#include "vmm/descriptor_limit.h"
#include "vmm/devices/reset.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/machine_image.h"

namespace vmm {
namespace {

using base::Code;
using base::Error;
using control::Cause;

// The guest's operating system has this long to shut down.
constexpr std::chrono::seconds kPowerOffTime{30};
constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP};
constexpr std::array kResizes = {SIGWINCH};

}  // namespace

base::Result<std::unique_ptr<Machine>> Machine::Create(base::Kernel& kernel,
                                                       const sysfs::Tree& tree,
                                                       const Options& options, const Hooks& hooks) {
  confinement::SetMode(options.seccomp);
  RaiseDescriptorLimit();
  // Before any thread starts: threads inherit the signal mask.
  auto signals = TRY(SignalSource::Create(kSignals));
  std::optional<SignalSource> resizes;
  if (options.virtio_console) resizes.emplace(TRY(SignalSource::Create(kResizes)));
  HostSnapshot host = TRY(ReadHost(tree, options));
  TRY(CheckDevices(options, host));
  auto system = TRY(kvm::System::Open(kernel));
  host.physical_address_bits = kvm::PhysicalAddressBits(system->supported_cpuid());
  MachinePlan plan = TRY(PlanMachine(options, host));
  acpi::AcpiTables tables = MakeTables(options, plan.layout);
  boot::BootImage image = TRY(OpenImage(tree, options, plan, tables.rsdp));
  if (plan.locked_bytes > 0) {
    TRY(vfio::EnsureMemlock(tree, vfio::MemlockNeeded(plan.locked_bytes)));
  }

  std::unique_ptr<Machine> machine(new Machine(options, std::move(plan), std::move(image)));
  machine->kernel_ = &kernel;
  machine->acpi_ = std::move(tables);
  machine->signals_.emplace(std::move(signals));
  if (resizes) machine->resizes_.emplace(std::move(*resizes));
  machine->system_ = std::move(system);
  machine->loop_ = TRY(EventLoop::Create());
  TRY(machine->OpenMonitor());
  TRY(machine->MakeMemory());
  if (options.managed) {
    if (hooks.acquire) TRY(hooks.acquire());
    TRY(CheckTaken(TRY(ReadHost(tree, options))));
  }
  TRY(machine->TakeDevices(kernel, tree, hooks));
  TRY(machine->WatchEvents());
  return machine;
}

Machine::~Machine() {
  DropBoard();
  if (!devices_) return;
  for (const LostDevice& lost : devices_->CloseAll()) TellLost(lost);
}

// What devices will reach gets its pages at once, and kernel and initrd, beside all else that the
// start does.
base::Status Machine::MakeMemory() {
  memory_.emplace(TRY(GuestMemory::Create(plan_.layout.ram, options_.pages, options_.mergeable)));
  if (plan_.locked_bytes == 0) return {};
  std::vector<std::span<std::byte>> blocks;
  for (const GuestMemory::Block& block : memory_->blocks()) {
    blocks.push_back(block.mapping.bytes());
  }
  population_ = std::make_unique<Population>(
      PlanPopulate(blocks, PageBytes(options_.pages), UsableProcessors()));
  loader_.emplace(image_, *memory_, plan_.layout);
  return {};
}

base::Status Machine::TakeDevices(base::Kernel& kernel, const sysfs::Tree& tree,
                                  const Hooks& hooks) {
  console_ = TRY(Console::Create(*loop_, options_, [this] { End({}, Cause::kUser); }));
  TRY(MakeBoard());
  GuestDevices::Wiring wiring = WireDevices(kernel, tree);
  wiring.addresses = hooks.addresses;
  wiring.populated = [this, progress = hooks.progress] {
    return population_->Wait(progress, [this] { return signals_->pending(); });
  };
  devices_ = TRY(GuestDevices::Create(std::move(wiring), options_, plan_, *memory_,
                                      std::make_shared<ResetControl>(Requests())));
  population_.reset();
  return {};
}

base::Status Machine::WatchEvents() {
  if (options_.balloon) {
    balloon_pace_ = TRY(Timer::Create(*loop_, [this] {
      balloon_quiet_ = false;
      if (std::exchange(balloon_changed_, false)) OnBalloonChange();
    }));
  }
  watches_.push_back(TRY(loop_->Add(signals_->fd(), [this] { OnSignal(); })));
  WatchFaults();
  if (resizes_) {
    watches_.push_back(TRY(loop_->Add(resizes_->fd(), [this] { OnTerminalResized(); })));
  }
  patience_ = TRY(Timer::Create(*loop_, [this] {
    const bool wanted = otherwise_->code() == Code::kInUse;
    End(base::Failure(*otherwise_), wanted ? Cause::kError : Cause::kSignal);
  }));
  return {};
}

GuestDevices::Wiring Machine::WireDevices(base::Kernel& kernel, const sysfs::Tree& tree) {
  GuestDevices::Wiring wiring;
  wiring.kernel = &kernel;
  wiring.tree = &tree;
  wiring.loop = loop_.get();
  // A reboot that failed has left none, and what was posted before the end still runs.
  const auto with_board = [this](auto act) -> base::Status {
    // The next board has what there is then (GuestDevices::Restart).
    if (!board_ && resetting_) return {};
    if (!board_) return base::Fail(base::Code::kInternal, "the machine is ending");
    return act(board_->vm());
  };
  wiring.link = [with_board](int fd) {
    return with_board([&](kvm::Vm& vm) { return vm.LinkVfio(fd); });
  };
  wiring.unlink = [with_board](int fd) {
    return with_board([&](kvm::Vm& vm) { return vm.UnlinkVfio(fd); });
  };
  wiring.gone = [this](const std::string& id, bool forced) {
    Announce("DEVICE_DELETED", control::DeviceDeletedData(id, forced));
  };
  wiring.kept = [this](const std::string& id) {
    Announce("DEVICE_UNPLUG_GUEST_ERROR", control::DeviceData(id));
  };
  wiring.notice = [this](const DeviceNotice& notice) { OnNotice(notice); };
  wiring.balloon_changed = [this] { OnBalloonChange(); };
  wiring.balloon_stuck = [this](const Error& why) {
    base::Log(base::Level::kWarning, "balloon: the guest waits for memory: {}", why.message());
    Announce("BALLOON_STUCK", {{"reason", why.message()}});
  };
  wiring.ram_lost = [this](const Error& why) {
    End(base::Failure(Error(why).With("balloon: guest RAM that devices do not reach")),
        Cause::kError);
  };
  wiring.negotiated = [this](const StandbyPair& pair) {
    Announce("FAILOVER_NEGOTIATED", {{"device-id", pair.standby}});
  };
  wiring.console = [this] { return console_->VirtioOptions(); };
  wiring.was_reset = [this] { loop_->Post([this] { GoOnWithReset(); }); };
  return wiring;
}

// A processor may ask twice, and two may ask at once: only the first request of a board counts.
RequestHandler Machine::Requests() {
  return [this](MachineRequest request) {
    loop_->Post([this, generation = generation_.load(), request = std::move(request)] {
      if (generation == generation_) OnRequest(request);
    });
  };
}

base::Status Machine::MakeBoard() {
  ++generation_;
  BoardOptions options;
  options.cpu_count = options_.cpus;
  options.serial_output = console_->outputs();
  options.request = Requests();
  board_ = TRY(Board::Create(system_, *memory_, std::move(options)));
  return {};
}

base::Status Machine::StartBoard() {
  routes_ = RouteGathering::Begin(*loop_, board_->vm());
  TRY(devices_->bridge().Connect({&board_->ports(), &board_->memory(), &board_->vm()},
                                 board_->vm()));
  TRY(memory_->Store(base::GuestPhys{acpi_.area.base}, acpi_.bytes));
  auto loaded = loader_ ? loader_->Take() : image_.Load(*memory_, plan_.layout);
  loader_.reset();
  const boot::EntryState entry = TRY(std::move(loaded));
  console_->Connect([this](std::span<const uint8_t> bytes) { return TakeInput(bytes); });
  TRY(board_->Prepare(entry));
  return paused_ ? base::Status() : board_->Resume();
}

// COM1 listens where there is no virtio console, or no longer one.
size_t Machine::TakeInput(std::span<const uint8_t> bytes) {
  if (const auto taken = devices_->emulated().ConsoleInput(bytes)) return *taken;
  return board_->serial(0).Input(bytes);
}

void Machine::OnTerminalResized() {
  resizes_->Take();
  if (const auto size = console_->size())
    devices_->emulated().ResizeConsole(size->columns, size->rows);
}

// Processors stop first, then the devices' interrupts, mappings and bus mastering end.
void Machine::DropBoard() {
  if (!board_) return;
  console_->Disconnect();
  // A processor that is in a device uses the bridge until it is back.
  for (base::Status stopped = board_->Stop(); !stopped; stopped = board_->Stop()) {
    base::Log(base::Level::kWarning, "{}", stopped.error().message());
  }
  stats_.Add(board_->exits(), board_->vm().route_counts());
  if (devices_ && ended_) devices_->CloseRam();
  if (devices_) devices_->bridge().Disconnect();
  routes_.reset();
  board_.reset();
}

base::Status Machine::Reboot(Cause cause) {
  TRY(MakeBoard());
  TRY(devices_->Restart());
  TRY(StartBoard());
  Announce("RESET", control::CauseData(cause));
  return {};
}

// What the host's storage still does for a disk holds the next board up: it may write to guest RAM.
// Monitor and signals are heard meanwhile.
void Machine::ResetOrEnd(Cause cause) {
  if (resetting_) return;
  DropBoard();
  ++generation_;
  resetting_ = cause;
  if (!devices_->emulated().quiet()) {
    base::Log(base::Level::kWarning,
              "vmm: the reset waits for requests of the guest's disks in progress on the host");
  }
  GoOnWithReset();
}

void Machine::GoOnWithReset() {
  if (!resetting_ || !devices_->emulated().quiet()) return;
  const Cause cause = *std::exchange(resetting_, std::nullopt);
  if (base::Status again = Reboot(cause); !again) {
    End(base::Failure(std::move(again).error().With("reboot")), Cause::kError);
  }
}

base::Result<int> Machine::Run() {
  using confinement::ThreadKind;
  // A device that comes later may need a module.
  if (options_.managed) TRY(sysfs::KmodLibrary().Load());
  TRY(confinement::Confine(options_.managed ? ThreadKind::kManagedMain : ThreadKind::kMain));
  TRY(StartBoard());
  const base::Status ran = loop_->Run();
  ended_ = true;
  TRY(ran);
  Announce("SHUTDOWN", control::CauseData(cause_));
  DropBoard();
  while (OnKernelLog()) {
  }
  if (options_.stats) PrintStats();
  TRY(outcome_);
  return console_->ExecStatus();
}

void Machine::PrintStats() {
  stats_.dma_maps = devices_->dma_maps();
  stats_.devices = devices_->stats();
  stats_.emulated = devices_->emulated_stats();
  base::Log(base::Level::kInfo, "{}", FormatStats(stats_));
}

void Machine::End(base::Status how, Cause cause) {
  outcome_ = std::move(how);
  cause_ = cause;
  loop_->Stop();
}

void Machine::OnRequest(const MachineRequest& request) {
  switch (request.kind) {
    case MachineRequest::Kind::kPowerOff:
      return End({}, Cause::kGuestShutdown);
    case MachineRequest::Kind::kReset:
      if (!console_->reached_command()) {
        return End(
            base::Fail(Code::kKernel, "the guest reset before its command began: " + request.text,
                       "--console FILE keeps what its kernel said"),
            Cause::kGuestReset);
      }
      reset_log_.Log(base::Level::kInfo, "vmm: reset ({})", request.text);
      return ResetOrEnd(Cause::kGuestReset);
    case MachineRequest::Kind::kInternalError:
      return End(base::Fail(Code::kKernel, "KVM cannot run the guest any further"), Cause::kError);
  }
}

void Machine::PressPowerButton(std::chrono::seconds patience, Error otherwise) {
  if (board_) board_->power().PowerButton();
  Announce("POWERDOWN");
  otherwise_ = std::move(otherwise);
  if (const base::Status armed = patience_->Arm(patience); !armed) {
    End(armed, Cause::kError);
  }
}

void Machine::OnSignal() {
  const std::optional<int> number = signals_->Take();
  if (!number) return;
  if (otherwise_) {
    return End(base::Fail(Code::kTimedOut, "ended by a signal before the guest powered off"),
               Cause::kSignal);
  }
  // No guest runs that could be asked.
  if (resetting_) return End({}, Cause::kSignal);
  base::Log(base::Level::kInfo, "vmm: power button pressed; another signal, or {} s, is the end",
            kPowerOffTime.count());
  PressPowerButton(kPowerOffTime, Error(Code::kTimedOut, fmt::format("the guest did not power off "
                                                                     "within {} s",
                                                                     kPowerOffTime.count())));
}

}  // namespace vmm
