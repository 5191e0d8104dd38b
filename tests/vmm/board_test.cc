#include "vmm/board.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"
#include "vmm/devices/cmos.h"

namespace vmm {
namespace {

using base::Code;
using test::FailsWith;
using test::FakeKvm;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

GuestMemory Ram() {
  const std::array ram = {base::Range{0, 2 * base::kMiB}};
  auto memory = GuestMemory::Create(ram);
  EXPECT_THAT(memory, IsOk());
  return std::move(*memory);
}

// Processors that do nothing until they are stopped.
void Idle(FakeKvm& kvm) {
  kvm.on_run = [](unsigned, kvm_run& run) {
    while (std::atomic_ref<uint8_t>(run.immediate_exit).load() == 0) {
      timespec moment{0, 100'000};
      ::nanosleep(&moment, nullptr);
    }
    return EINTR;
  };
}

BoardOptions Options(unsigned cpus) {
  BoardOptions options;
  options.cpu_count = cpus;
  options.request = [](const MachineRequest&) {};
  return options;
}

base::Result<std::unique_ptr<Board>> NewBoard(FakeKvm& kvm, const GuestMemory& memory,
                                              BoardOptions options) {
  return Board::Create(TRY(kvm::System::Open(kvm)), memory, std::move(options));
}

TEST(Board, RefusesProcessorsThatItCannotHave) {
  FakeKvm kvm;
  const GuestMemory memory = Ram();
  EXPECT_THAT(NewBoard(kvm, memory, Options(0)), FailsWith(Code::kUsage, HasSubstr("1 to 32")));
  EXPECT_THAT(NewBoard(kvm, memory, Options(33)), FailsWith(Code::kUsage, HasSubstr("--cpus 33")));
}

TEST(Board, FailsCleanlyAtEachCall) {
  const GuestMemory memory = Ram();
  FakeKvm whole;
  size_t total = 0;
  {
    const auto board = NewBoard(whole, memory, Options(2));
    ASSERT_THAT(board, IsOk());
    ASSERT_THAT((*board)->Start({}), IsOk());
    total = whole.calls().size();
  }
  for (size_t step = 0; step < total; ++step) {
    FakeKvm kvm;
    Idle(kvm);
    kvm.FailAt(static_cast<int>(step));
    const auto board = NewBoard(kvm, memory, Options(2));
    const base::Status started = board ? (*board)->Start({}) : base::Status{};
    const bool optional = whole.calls()[step] == "KVM_SET_TSS_ADDR";
    EXPECT_EQ(board.has_value() && started.has_value(), optional) << whole.calls()[step];
  }
}

TEST(Board, RemovesItsSlots) {
  FakeKvm kvm;
  const GuestMemory memory = Ram();
  { ASSERT_THAT(NewBoard(kvm, memory, Options(1)), IsOk()); }
  EXPECT_THAT(kvm.slots, IsEmpty());
}

// Slots after the interrupt controller cost 6 ms; the number of calls is a published figure.
TEST(Board, TakesFewCallsToTheFirstInstruction) {
  FakeKvm kvm;
  Idle(kvm);
  const GuestMemory memory = Ram();
  const auto board = NewBoard(kvm, memory, Options(1));
  ASSERT_THAT(board, IsOk());
  ASSERT_THAT((*board)->Start({}), IsOk());
  EXPECT_THAT(kvm.calls(),
              ElementsAre("KVM_GET_API_VERSION", "KVM_CHECK_EXTENSION", "KVM_GET_VCPU_MMAP_SIZE",
                          "KVM_GET_SUPPORTED_CPUID", "KVM_CREATE_VM", "KVM_SET_TSS_ADDR",
                          "KVM_SET_USER_MEMORY_REGION", "KVM_CREATE_IRQCHIP", "KVM_CREATE_PIT2",
                          "KVM_SET_GSI_ROUTING", "KVM_CREATE_VCPU", "KVM_SET_CPUID2",
                          "KVM_SET_MSRS", "KVM_GET_LAPIC", "KVM_SET_LAPIC", "KVM_GET_SREGS",
                          "KVM_SET_SREGS", "KVM_SET_REGS"));
}

TEST(Board, LeavesProcessorsAsFirmwareWould) {
  FakeKvm kvm;
  const GuestMemory memory = Ram();
  const auto board = NewBoard(kvm, memory, Options(3));
  ASSERT_THAT(board, IsOk());
  EXPECT_EQ(kvm.model_registers.at(0x2ff), 0x806u);
  EXPECT_EQ(kvm.model_registers.at(0x1a0), 1u);
  EXPECT_EQ(kvm.lapic.regs[0x351], 0x07);
  EXPECT_EQ(kvm.lapic.regs[0x361], 0x04);
  const auto& cpuid = kvm.vcpu_cpuid;
  const auto leaf = std::find_if(cpuid.begin(), cpuid.end(),
                                 [](const kvm_cpuid_entry2& entry) { return entry.function == 1; });
  ASSERT_NE(leaf, cpuid.end());
  EXPECT_EQ(leaf->ebx >> 24, 2u);
}

TEST(Board, DevicesAnswerAtTheirPlaces) {
  FakeKvm kvm;
  const GuestMemory memory = Ram();
  const auto board = NewBoard(kvm, memory, Options(1));
  ASSERT_THAT(board, IsOk());
  Bus& ports = (*board)->ports();
  for (const SerialPort& port : kSerialPorts) {
    ports.Write(port.base + 7u, Width::k1, 0x5a);
    EXPECT_EQ(ports.Read(port.base + 7u, Width::k1), 0x5au) << std::hex << port.base;
  }
  EXPECT_EQ(ports.Read(kPm1ControlPort, Width::k2) & 1, 1u);
  EXPECT_EQ(ports.Read(kKeyboardCommandPort, Width::k1) & 2, 0u);
  ports.Write(kCmosPorts, Width::k1, 0x0d);
  EXPECT_EQ(ports.Read(kCmosPorts + 1u, Width::k1), 0x80u);
  EXPECT_EQ(ports.Read(0x80, Width::k1), 0xffu);
}

TEST(Board, DeviceInterruptsReachTheirLines) {
  FakeKvm kvm;
  const GuestMemory memory = Ram();
  const auto board = NewBoard(kvm, memory, Options(1));
  ASSERT_THAT(board, IsOk());
  (*board)->ports().Write(kSerialPorts[1].base + 1u, Width::k1, 0x02);
  (*board)->ports().Write(kPm1EventPort + 2u, Width::k2, 1 << 8);
  (*board)->power().PowerButton();
  EXPECT_THAT(kvm.lines, ElementsAre(Pair(kSerialPorts[1].gsi, true), Pair(kSciGsi, true)));
}

TEST(Board, SerialOutputAndRequestsReachTheOwner) {
  FakeKvm kvm;
  const GuestMemory memory = Ram();
  std::string text;
  std::vector<MachineRequest::Kind> requests;
  BoardOptions options = Options(1);
  options.serial_output[0] = [&](std::span<const uint8_t> bytes) {
    text.append(bytes.begin(), bytes.end());
  };
  options.request = [&](const MachineRequest& request) { requests.push_back(request.kind); };
  const auto board = NewBoard(kvm, memory, std::move(options));
  ASSERT_THAT(board, IsOk());
  (*board)->ports().Write(0x3f8, Width::k1, 'A');
  (*board)->ports().Write(kPm1ControlPort, Width::k2, 1 << 13 | kSleepTypeS5 << 10);
  (*board)->ports().Write(kKeyboardCommandPort, Width::k1, 0xfe);
  EXPECT_EQ(text, "A");
  EXPECT_THAT(requests, ElementsAre(MachineRequest::Kind::kPowerOff, MachineRequest::Kind::kReset));
}

TEST(Board, StopsResumesAndCounts) {
  FakeKvm kvm;
  Idle(kvm);
  const GuestMemory memory = Ram();
  const auto board = NewBoard(kvm, memory, Options(8));
  ASSERT_THAT(board, IsOk());
  ASSERT_THAT((*board)->Start({}), IsOk());
  ASSERT_THAT((*board)->Stop(), IsOk());
  const ExitCounts first = (*board)->exits();
  ASSERT_THAT((*board)->Resume(), IsOk());
  ASSERT_THAT((*board)->Stop(), IsOk());
  EXPECT_GT((*board)->exits()[0], first[0]);
}

TEST(Board, ARebootKeepsTheMemory) {
  FakeKvm kvm;
  Idle(kvm);
  const GuestMemory memory = Ram();
  const auto system = kvm::System::Open(kvm);
  ASSERT_THAT(system, IsOk());
  for (int round = 0; round < 3; ++round) {
    const auto board = Board::Create(*system, memory, Options(2));
    ASSERT_THAT(board, IsOk());
    ASSERT_THAT((*board)->Start({}), IsOk());
  }
  EXPECT_THAT(kvm.slots, IsEmpty());
}

}  // namespace
}  // namespace vmm
