// Runs one virtual processor on a thread of its own and carries its exits to the buses.
//
// A triple fault is a reset request. What KVM cannot run on is logged with the registers and is an
// internal-error request; the thread then ends, the machine decides.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "sysfs/base/result.h"
#include "vmm/bus.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/request.h"
#include "vmm/thread.h"

namespace vmm {

// Exits to user space by kind (kvm::kExitNames).
using ExitCounts = std::array<uint64_t, kvm::kExitKinds>;

// Both outlive the thread.
struct VcpuEnvironment {
  const Bus* ports = nullptr;
  const Bus* memory = nullptr;
  RequestHandler request;
};

// Threads: all functions from the thread that owns the machine; exits() from any.
class VcpuThread {
 public:
  VcpuThread(kvm::Vcpu vcpu, VcpuEnvironment environment);
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;
  // Stops the thread and waits for it without a limit: its state must not go away under it.
  ~VcpuThread();

  // Runs the processor from where it stands. Nothing happens when it runs already.
  base::Status Start();
  // Asks the thread to end after the access at hand; returns at once.
  void RequestStop();
  // Waits for the end after RequestStop. kTimedOut names the processor; it can be tried again.
  base::Status WaitStopped(std::chrono::steady_clock::time_point deadline);

  // Only while no thread runs.
  kvm::Vcpu& vcpu() { return vcpu_; }
  ExitCounts exits() const;

 private:
  void Loop();
  // Whether the processor goes on.
  bool Handle(const kvm::Exit& exit);
  void ReportFatal(const std::string& cause);
  void Count(size_t kind);

  kvm::Vcpu vcpu_;
  VcpuEnvironment environment_;
  std::atomic<bool> stop_{false};
  std::array<std::atomic<uint64_t>, kvm::kExitKinds> exits_{};  // written by the thread alone
  Thread thread_;  // last: it is joined before what it uses goes away
};

}  // namespace vmm
