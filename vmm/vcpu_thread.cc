#include "vmm/vcpu_thread.h"

#include <fmt/format.h>

#include <utility>

#include "sysfs/base/log.h"
#include "vmm/confinement/confine.h"
#include "vmm/dispatch.h"

namespace vmm {
namespace {

// A signal interrupts one system call; a thread that is in a device's call needs another one.
constexpr std::chrono::milliseconds kKickInterval{10};

// KVM_SYSTEM_EVENT_SHUTDOWN of linux/kvm.h.
constexpr uint32_t kShutdownEvent = 1;

template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overload(Cases...) -> Overload<Cases...>;

}  // namespace

VcpuThread::VcpuThread(kvm::Vcpu vcpu, VcpuEnvironment environment)
    : vcpu_(std::move(vcpu)), environment_(std::move(environment)) {}

VcpuThread::~VcpuThread() {
  RequestStop();
  while (!thread_.WaitUntil(std::chrono::steady_clock::now() + kKickInterval)) thread_.Kick();
}

base::Status VcpuThread::Start() {
  if (thread_.joinable()) return {};
  stop_.store(false, std::memory_order_relaxed);
  vcpu_.RequestExit(false);
  thread_ = TRY(Thread::Start(fmt::format("vcpu-{}", vcpu_.id()), [this] { Loop(); }));
  return {};
}

void VcpuThread::RequestStop() {
  // The request comes first: a thread on its way into KVM_RUN sees it there, one that is inside
  // already is brought out by the signal.
  stop_.store(true, std::memory_order_release);
  vcpu_.RequestExit(true);
  thread_.Kick();
}

base::Status VcpuThread::WaitStopped(std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    if (thread_.WaitUntil(std::min(deadline, now + kKickInterval))) break;
    if (now >= deadline) {
      return base::Fail(base::Code::kTimedOut,
                        fmt::format("vCPU {} does not stop: it waits in a device", vcpu_.id()));
    }
    thread_.Kick();
  }
  thread_.Join();
  return {};
}

ExitCounts VcpuThread::exits() const {
  ExitCounts counts{};
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = exits_[i].load(std::memory_order_relaxed);
  return counts;
}

void VcpuThread::Count(size_t kind) {
  exits_[kind].store(exits_[kind].load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void VcpuThread::Loop() {
  if (const base::Status confined = confinement::Confine(confinement::ThreadKind::kVcpu); !confined)
    return ReportFatal(confined.error().message());
  bool running = true;
  while (running) {
    const kvm::Exit exit = vcpu_.Run();
    Count(exit.index());
    running = Handle(exit);
  }
}

bool VcpuThread::Handle(const kvm::Exit& exit) {
  using Kind = MachineRequest::Kind;
  return std::visit(
      Overload{
          // Only here: the access before is complete then, so that the processor can be resumed.
          [&](const kvm::InterruptedExit&) { return !stop_.load(std::memory_order_acquire); },
          [&](const kvm::PortExit& port) {
            Dispatch(port, *environment_.ports);
            return true;
          },
          [&](const kvm::MemoryExit& memory) {
            Dispatch(memory, *environment_.memory);
            return true;
          },
          [&](const kvm::HaltExit&) { return true; },
          [&](const kvm::TripleFaultExit&) {
            environment_.request({Kind::kReset, fmt::format("vCPU {}: triple fault", vcpu_.id())});
            return false;
          },
          [&](const kvm::SystemEventExit& event) {
            environment_.request({event.type == kShutdownEvent ? Kind::kPowerOff : Kind::kReset,
                                  fmt::format("vCPU {}: system event {}", vcpu_.id(), event.type)});
            return false;
          },
          [&](const kvm::FatalExit& fatal) {
            ReportFatal(fatal.text);
            return false;
          },
      },
      exit);
}

void VcpuThread::ReportFatal(const std::string& cause) {
  std::string text = fmt::format("vCPU {}: {}\n{}", vcpu_.id(), cause, vcpu_.DumpRegisters());
  base::Log(base::Level::kError, "{}", text);
  environment_.request({MachineRequest::Kind::kInternalError, std::move(text)});
}

}  // namespace vmm
