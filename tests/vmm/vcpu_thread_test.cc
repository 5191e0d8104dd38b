#include "vmm/vcpu_thread.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <future>
#include <string>
#include <vector>

#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using std::chrono::steady_clock;
using test::FailsWith;
using test::FakeKvm;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::seconds kLong{20};

size_t KindOf(std::string_view name) {
  return static_cast<size_t>(std::find(kvm::kExitNames.begin(), kvm::kExitNames.end(), name) -
                             kvm::kExitNames.begin());
}

// Waits in KVM_RUN as a halted guest does: until a signal comes or an exit is requested.
int Halted(kvm_run& run) {
  while (std::atomic_ref<uint8_t>(run.immediate_exit).load() == 0) {
    timespec moment{0, 100'000};
    ::nanosleep(&moment, nullptr);
  }
  return EINTR;
}

class PortDevice final : public IoDevice {
 public:
  explicit PortDevice(std::function<void(uint64_t)> written) : written_(std::move(written)) {}
  std::string_view name() const override { return "port"; }
  uint64_t Read(Access) override { return 0x5a; }
  void Write(Access, uint64_t value) override { written_(value); }

 private:
  std::function<void(uint64_t)> written_;
};

class VcpuThreadTest : public testing::Test {
 protected:
  std::unique_ptr<VcpuThread> NewThread() {
    auto vm = kvm::Vm::Create(kvm_);
    EXPECT_THAT(vm, IsOk());
    vm_ = std::move(*vm);
    auto vcpu = kvm::Vcpu::Create(*vm_, 0);
    EXPECT_THAT(vcpu, IsOk());
    return std::make_unique<VcpuThread>(
        std::move(*vcpu), VcpuEnvironment{&ports_, &memory_, [this](MachineRequest request) {
                                            requested_.set_value(std::move(request));
                                          }});
  }
  MachineRequest WaitForRequest() {
    auto future = requested_.get_future();
    EXPECT_EQ(future.wait_for(kLong), std::future_status::ready);
    return future.get();
  }

  FakeKvm kvm_;
  std::unique_ptr<kvm::Vm> vm_;
  Bus ports_;
  Bus memory_;
  std::promise<MachineRequest> requested_;
};

TEST_F(VcpuThreadTest, AnInternalErrorComesWithTheRegisters) {
  kvm_.general.rip = 0x1234;
  kvm_.on_run = [](unsigned, kvm_run& run) {
    run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    run.internal.ndata = 1000;  // more than there are
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  const MachineRequest request = WaitForRequest();
  EXPECT_EQ(request.kind, MachineRequest::Kind::kInternalError);
  EXPECT_THAT(request.text, HasSubstr("vCPU 0: KVM internal error 1"));
  EXPECT_THAT(request.text, HasSubstr("rip 0000000000001234"));
}

TEST_F(VcpuThreadTest, AFailedRunIsAnInternalErrorToo) {
  kvm_.on_run = [](unsigned, kvm_run&) { return EFAULT; };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  EXPECT_THAT(WaitForRequest().text, HasSubstr("KVM_RUN: Bad address"));
}

TEST_F(VcpuThreadTest, AFirstProcessorThatIsToRunAgainWillNeverRun) {
  kvm_.on_run = [](unsigned, kvm_run&) { return EAGAIN; };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  EXPECT_THAT(WaitForRequest().text, HasSubstr("KVM_RUN: Resource temporarily unavailable"));
}

TEST_F(VcpuThreadTest, AnUnknownExitIsAnInternalError) {
  kvm_.on_run = [](unsigned, kvm_run& run) {
    run.exit_reason = KVM_EXIT_HYPERV;
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  EXPECT_THAT(WaitForRequest().text, HasSubstr("KVM exit 27 is unknown"));
}

TEST_F(VcpuThreadTest, APortAccessBeyondTheSharedAreaIsNotFollowed) {
  kvm_.on_run = [](unsigned, kvm_run& run) {
    run.exit_reason = KVM_EXIT_IO;
    run.io.size = 4;
    run.io.count = 100000;
    run.io.data_offset = 4096;
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  EXPECT_THAT(WaitForRequest().text, HasSubstr("outside of the shared area"));
}

TEST_F(VcpuThreadTest, ATripleFaultIsAReset) {
  kvm_.on_run = [](unsigned, kvm_run& run) {
    run.exit_reason = KVM_EXIT_SHUTDOWN;
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  const MachineRequest request = WaitForRequest();
  EXPECT_EQ(request.kind, MachineRequest::Kind::kReset);
  EXPECT_THAT(request.text, HasSubstr("triple fault"));
}

TEST_F(VcpuThreadTest, SystemEventsPowerOffOrReset) {
  kvm_.on_run = [](unsigned, kvm_run& run) {
    run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run.system_event.type = KVM_SYSTEM_EVENT_SHUTDOWN;
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  EXPECT_EQ(WaitForRequest().kind, MachineRequest::Kind::kPowerOff);
}

TEST_F(VcpuThreadTest, AccessesGoToTheBusesAndAreCounted) {
  std::promise<uint64_t> written;
  ASSERT_THAT(ports_.Attach({0x3f8, 1}, std::make_shared<PortDevice>(
                                            [&](uint64_t value) { written.set_value(value); })),
              IsOk());
  int step = 0;
  kvm_.on_run = [&](unsigned, kvm_run& run) {
    if (step++ > 0) return Halted(run);
    run.exit_reason = KVM_EXIT_IO;
    run.io.direction = KVM_EXIT_IO_OUT;
    run.io.size = 1;
    run.io.count = 1;
    run.io.port = 0x3f8;
    run.io.data_offset = 4096;
    reinterpret_cast<uint8_t*>(&run)[4096] = 0x41;
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  EXPECT_EQ(written.get_future().get(), 0x41u);
  thread->RequestStop();
  ASSERT_THAT(thread->WaitStopped(steady_clock::now() + kLong), IsOk());
  EXPECT_EQ(thread->exits()[KindOf("port")], 1u);
  EXPECT_EQ(thread->exits()[KindOf("interrupted")], 1u);
}

TEST_F(VcpuThreadTest, StopsAndGoesOn) {
  std::atomic<int> runs{0};
  kvm_.on_run = [&](unsigned, kvm_run& run) {
    ++runs;
    return Halted(run);
  };
  const auto thread = NewThread();
  for (int round = 1; round <= 3; ++round) {
    ASSERT_THAT(thread->Start(), IsOk());
    ASSERT_THAT(thread->Start(), IsOk());  // runs already
    thread->RequestStop();
    ASSERT_THAT(thread->WaitStopped(steady_clock::now() + kLong), IsOk());
    EXPECT_GE(runs, round);
  }
}

// A read is complete only when the processor has been run again: a stop must not come between.
TEST_F(VcpuThreadTest, StopsOnlyAfterTheAccessAtHandIsComplete) {
  ASSERT_THAT(ports_.Attach({0x60, 1}, std::make_shared<PortDevice>([](uint64_t) {})), IsOk());
  std::vector<std::string> order;
  std::promise<void> entered;
  std::promise<void> stop_requested;
  kvm_.on_run = [&](unsigned, kvm_run& run) {
    if (order.empty()) {
      order.push_back("read");
      run.exit_reason = KVM_EXIT_IO;
      run.io.direction = KVM_EXIT_IO_IN;
      run.io.size = 1;
      run.io.count = 1;
      run.io.port = 0x60;
      run.io.data_offset = 4096;
      entered.set_value();
      stop_requested.get_future().wait();
      return 0;
    }
    order.push_back(reinterpret_cast<uint8_t*>(&run)[4096] == 0x5a ? "completed" : "lost");
    return EINTR;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  entered.get_future().wait();
  thread->RequestStop();
  stop_requested.set_value();
  ASSERT_THAT(thread->WaitStopped(steady_clock::now() + kLong), IsOk());
  EXPECT_THAT(order, ElementsAre("read", "completed"));
}

TEST_F(VcpuThreadTest, AProcessorThatWaitsInADeviceIsNamed) {
  std::promise<void> entered;
  std::promise<void> release;
  ASSERT_THAT(ports_.Attach({0x80, 1}, std::make_shared<PortDevice>([&](uint64_t) {
                              entered.set_value();
                              release.get_future().wait();
                            })),
              IsOk());
  int step = 0;
  kvm_.on_run = [&](unsigned, kvm_run& run) {
    if (step++ > 0) return Halted(run);
    run.exit_reason = KVM_EXIT_IO;
    run.io.direction = KVM_EXIT_IO_OUT;
    run.io.size = 1;
    run.io.count = 1;
    run.io.port = 0x80;
    run.io.data_offset = 4096;
    return 0;
  };
  const auto thread = NewThread();
  ASSERT_THAT(thread->Start(), IsOk());
  entered.get_future().wait();
  thread->RequestStop();
  EXPECT_THAT(thread->WaitStopped(steady_clock::now()),
              FailsWith(Code::kTimedOut, HasSubstr("vCPU 0")));
  release.set_value();
  EXPECT_THAT(thread->WaitStopped(steady_clock::now() + kLong), IsOk());
}

}  // namespace
}  // namespace vmm
