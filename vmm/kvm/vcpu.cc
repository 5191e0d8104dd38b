#include "vmm/kvm/vcpu.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "sysfs/base/bits.h"
#include "sysfs/base/log.h"
#include "vmm/kvm/flexible.h"
#include "vmm/kvm/registers.h"
#include "vmm/kvm/uapi.h"

namespace vmm::kvm {
namespace {

// Model-specific registers (Intel SDM volume 4).
constexpr uint32_t kMiscEnable = 0x1a0;
constexpr uint64_t kFastStrings = 0x1;
constexpr uint32_t kMtrrDefaultType = 0x2ff;
constexpr uint64_t kMtrrEnabledWriteBack = 1 << 11 | 6;

// Local APIC registers (Intel SDM volume 3, table 11-1) and delivery modes.
constexpr size_t kLint0 = 0x350;
constexpr size_t kLint1 = 0x360;
constexpr uint32_t kDeliverExternal = 0x700;
constexpr uint32_t kDeliverNmi = 0x400;

FatalExit DecodeInternalError(const kvm_run& run) {
  FatalExit exit{fmt::format("KVM internal error {}", run.internal.suberror)};
  if (run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
    exit.text += " (an instruction that KVM cannot emulate)";
  const size_t count = std::min<size_t>(run.internal.ndata, std::size(run.internal.data));
  for (size_t i = 0; i < count; ++i)
    exit.text += fmt::format(" {:#x}", uint64_t{run.internal.data[i]});
  return exit;
}

FatalExit DecodeFailedEntry(const kvm_run& run) {
  return {fmt::format("the hardware refused to enter the guest: reason {:#x}",
                      uint64_t{run.fail_entry.hardware_entry_failure_reason})};
}

}  // namespace

base::Result<Vcpu> Vcpu::Create(Vm& vm, uint32_t id) {
  base::Fd fd = TRY(vm.CreateVcpu(id));
  base::Mapping shared =
      TRY(base::Mapping::File(fd, 0, vm.host()->vcpu_map_bytes(), base::Protection::kReadWrite));
  return Vcpu(vm.kernel(), id, std::move(fd), std::move(shared));
}

kvm_run& Vcpu::run() const { return *reinterpret_cast<kvm_run*>(shared_.bytes().data()); }

base::Status Vcpu::Ioctl(unsigned long request, void* argument, std::string_view name) const {
  auto result = kernel_->Ioctl(fd_, request, argument, name);
  if (!result) return base::Failure(std::move(result.error()).With(fmt::format("vCPU {}", id_)));
  return {};
}

void Vcpu::NotePause() {
  // EINVAL: the guest does not use that clock.
  static_cast<void>(kernel_->Ioctl(fd_, KVM_KVMCLOCK_CTRL, nullptr, "KVM_KVMCLOCK_CTRL"));
}

base::Status Vcpu::Prepare(std::span<const CpuidEntry> cpuid) {
  TRY(SetCpuid(cpuid));
  TRY(SetModelRegisters());
  if (id_ == 0) TRY(SetLocalInterrupts());
  return {};
}

base::Status Vcpu::SetCpuid(std::span<const CpuidEntry> cpuid) {
  Flexible<CpuidHeader, kvm_cpuid_entry2> table(cpuid.size());
  for (size_t i = 0; i < cpuid.size(); ++i) {
    kvm_cpuid_entry2 entry{};
    entry.function = cpuid[i].function;
    entry.index = cpuid[i].index;
    entry.flags = cpuid[i].has_index ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
    entry.eax = cpuid[i].eax;
    entry.ebx = cpuid[i].ebx;
    entry.ecx = cpuid[i].ecx;
    entry.edx = cpuid[i].edx;
    table.Set(i, entry);
  }
  table.header().nent = static_cast<uint32_t>(cpuid.size());
  return Ioctl(kSetCpuid2, table.data(), "KVM_SET_CPUID2");
}

base::Status Vcpu::SetModelRegisters() {
  constexpr std::array<std::pair<uint32_t, uint64_t>, 2> kValues = {
      {{kMtrrDefaultType, kMtrrEnabledWriteBack}, {kMiscEnable, kFastStrings}}};
  Flexible<MsrsHeader, kvm_msr_entry> table(kValues.size());
  for (size_t i = 0; i < kValues.size(); ++i) {
    kvm_msr_entry entry{};
    entry.index = kValues[i].first;
    entry.data = kValues[i].second;
    table.Set(i, entry);
  }
  table.header().nmsrs = kValues.size();
  auto set = kernel_->Ioctl(fd_, kSetMsrs, table.data(), "KVM_SET_MSRS");
  if (!set) return base::Failure(std::move(set.error()).With(fmt::format("vCPU {}", id_)));
  // The guest runs without them, only slower.
  if (const auto count = static_cast<size_t>(*set); count < kValues.size()) {
    base::Log(base::Level::kWarning, "vCPU {}: KVM refused model-specific register {:#x}", id_,
              kValues[count].first);
  }
  return {};
}

base::Status Vcpu::SetLocalInterrupts() {
  kvm_lapic_state state{};
  TRY(Ioctl(KVM_GET_LAPIC, &state, "KVM_GET_LAPIC"));
  const std::span<std::byte> registers = std::as_writable_bytes(std::span(state.regs));
  base::StoreLe(registers, kLint0, kDeliverExternal);
  base::StoreLe(registers, kLint1, kDeliverNmi);
  return Ioctl(KVM_SET_LAPIC, &state, "KVM_SET_LAPIC");
}

base::Status Vcpu::SetEntry(const boot::EntryState& entry) {
  kvm_sregs system{};
  TRY(Ioctl(KVM_GET_SREGS, &system, "KVM_GET_SREGS"));
  system = EntrySystemRegisters(entry, system);
  TRY(Ioctl(KVM_SET_SREGS, &system, "KVM_SET_SREGS"));
  kvm_regs general = EntryRegisters(entry);
  return Ioctl(KVM_SET_REGS, &general, "KVM_SET_REGS");
}

Exit Vcpu::Run() {
  const auto result = kernel_->InterruptibleIoctl(fd_, KVM_RUN, nullptr, "KVM_RUN");
  if (result) return Decode();
  // EAGAIN: a processor that waited for its start-up interrupt was woken. The first one never waits
  // for it: there the kernel could not start a worker of its own (limit of processes).
  const int err = result.error().err();
  if (err == EINTR || (err == EAGAIN && id_ != 0)) return InterruptedExit{};
  return FatalExit{result.error().message()};
}

Exit Vcpu::Decode() {
  kvm_run& shared = run();
  switch (shared.exit_reason) {
    case KVM_EXIT_IO: {
      const size_t bytes = size_t{shared.io.size} * shared.io.count;
      const uint64_t offset = shared.io.data_offset;
      const std::span<std::byte> area = shared_.bytes();
      if (offset > area.size() || bytes > area.size() - offset)
        return FatalExit{"KVM gave a port access outside of the shared area"};
      return PortExit{shared.io.port, shared.io.size, shared.io.count,
                      shared.io.direction == KVM_EXIT_IO_IN, area.subspan(offset, bytes)};
    }
    case KVM_EXIT_MMIO: {
      const auto data = std::as_writable_bytes(std::span(shared.mmio.data));
      return MemoryExit{shared.mmio.phys_addr, shared.mmio.is_write != 0,
                        data.first(std::min<size_t>(shared.mmio.len, data.size()))};
    }
    case KVM_EXIT_HLT:
      return HaltExit{};
    case KVM_EXIT_SHUTDOWN:
      return TripleFaultExit{};
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
      return InterruptedExit{};
    case KVM_EXIT_SYSTEM_EVENT:
      return SystemEventExit{shared.system_event.type};
    case KVM_EXIT_INTERNAL_ERROR:
      return DecodeInternalError(shared);
    case KVM_EXIT_FAIL_ENTRY:
      return DecodeFailedEntry(shared);
    default:
      return FatalExit{fmt::format("KVM exit {} is unknown here", shared.exit_reason)};
  }
}

void Vcpu::RequestExit(bool on) {
  std::atomic_ref<uint8_t>(run().immediate_exit).store(on ? 1 : 0, std::memory_order_release);
}

std::string Vcpu::DumpRegisters() const {
  kvm_regs general{};
  kvm_sregs system{};
  if (auto status = Ioctl(KVM_GET_REGS, &general, "KVM_GET_REGS"); !status)
    return status.error().message();
  if (auto status = Ioctl(KVM_GET_SREGS, &system, "KVM_GET_SREGS"); !status)
    return status.error().message();
  return FormatRegisters(general, system);
}

}  // namespace vmm::kvm
