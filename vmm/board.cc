#include "vmm/board.h"

#include <fmt/format.h>

#include <utility>

#include "sysfs/base/log.h"
#include "vmm/devices/cmos.h"
#include "vmm/devices/reset.h"
#include "vmm/kvm/cpuid.h"

namespace vmm {

class Board::Key {};

Board::Board(Key, BoardOptions options) : options_(std::move(options)) {}

base::Result<std::unique_ptr<Board>> Board::Create(std::shared_ptr<const kvm::System> system,
                                                   const GuestMemory& memory,
                                                   BoardOptions options) {
  if (options.cpu_count < 1 || options.cpu_count > kvm::kMaxCpus) {
    return base::Fail(base::Code::kUsage, fmt::format("--cpus {}: 1 to {} are possible",
                                                      options.cpu_count, kvm::kMaxCpus));
  }
  auto board = std::make_unique<Board>(Key(), std::move(options));
  board->vm_ = TRY(kvm::Vm::Create(std::move(system)));
  TRY(board->MapRam(memory));
  TRY(board->vm_->CreateInterruptController());
  TRY(board->AttachDevices());
  TRY(board->CreateVcpus());
  return board;
}

Board::~Board() {
  // All at once: each thread alone would be waited for one after another.
  for (const auto& vcpu : vcpus_) vcpu->RequestStop();
}

base::Status Board::MapRam(const GuestMemory& memory) {
  for (const GuestMemory::Block& block : memory.blocks()) {
    slots_.push_back(
        TRY(vm_->MapMemory(block.base, block.mapping.bytes(), kvm::SlotAccess::kReadWrite)));
  }
  return {};
}

std::function<void(bool)> Board::Line(uint32_t gsi) {
  return [vm = vm_.get(), gsi](bool level) {
    static base::Limited failures;
    if (auto status = vm->SetLine(gsi, level); !status)
      failures.Log(base::Level::kError, "interrupt {}: {}", gsi, status.error().message());
  };
}

base::Status Board::AttachDevices() {
  ports_ = std::make_unique<Bus>();
  memory_ = std::make_unique<Bus>();
  for (size_t index = 0; index < serials_.size(); ++index) TRY(AttachSerial(index));
  power_ = std::make_shared<Power>(PowerWiring{Line(kSciGsi), options_.request, {}});
  TRY(ports_->Attach({kPmRegistersBase, kPmRegistersSize}, power_));
  TRY(ports_->Attach({kKeyboardCommandPort, 1}, std::make_shared<KeyboardReset>(options_.request)));
  return ports_->Attach({kCmosPorts, kCmosPortCount}, std::make_shared<Cmos>());
}

base::Status Board::AttachSerial(size_t index) {
  const SerialPort& port = kSerialPorts[index];
  serials_[index] =
      std::make_shared<Serial>(fmt::format("serial port {}", index + 1),
                               SerialWiring{options_.serial_output[index], Line(port.gsi)});
  return ports_->Attach({port.base, Serial::kPortCount}, serials_[index]);
}

base::Status Board::CreateVcpus() {
  const kvm::System& host = *vm_->host();
  for (uint32_t id = 0; id < options_.cpu_count; ++id) {
    kvm::Vcpu vcpu = TRY(kvm::Vcpu::Create(*vm_, id));
    TRY(vcpu.Prepare(kvm::PlanCpuid(host.supported_cpuid(),
                                    {id, options_.cpu_count, host.tsc_deadline_timer()})));
    vcpus_.push_back(std::make_unique<VcpuThread>(
        std::move(vcpu), VcpuEnvironment{ports_.get(), memory_.get(), options_.request}));
  }
  return {};
}

base::Status Board::Prepare(const boot::EntryState& entry) {
  return vcpus_.front()->vcpu().SetEntry(entry);
}

base::Status Board::Start(const boot::EntryState& entry) {
  TRY(Prepare(entry));
  return Resume();
}

void Board::NotePause() {
  for (const auto& vcpu : vcpus_) vcpu->vcpu().NotePause();
}

base::Status Board::Resume() {
  for (const auto& vcpu : vcpus_) {
    if (auto started = vcpu->Start(); !started) {
      if (auto stopped = Stop(); !stopped)
        return base::Failure(std::move(started.error()).With(stopped.error().message()));
      return started;
    }
  }
  return {};
}

base::Status Board::Stop(std::chrono::milliseconds limit) {
  for (const auto& vcpu : vcpus_) vcpu->RequestStop();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (const auto& vcpu : vcpus_) TRY(vcpu->WaitStopped(deadline));
  for (const auto& serial : serials_) serial->Flush();
  return {};
}

ExitCounts Board::exits() const {
  ExitCounts total{};
  for (const auto& vcpu : vcpus_) {
    const ExitCounts counts = vcpu->exits();
    for (size_t i = 0; i < total.size(); ++i) total[i] += counts[i];
  }
  return total;
}

}  // namespace vmm
