// A few instructions on this machine's own KVM: what the fake cannot show.
#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/matchers.h"
#include "tests/support/real_kvm.h"
#include "vmm/board.h"

namespace vmm {
namespace {

using boot::Protocol;
using test::IsOk;
using testing::HasSubstr;

constexpr std::chrono::seconds kLong{20};

class GuestTest : public testing::Test {
 protected:
  void SetUp() override {
    system_ = test::OpenRealKvm();
    if (system_ == nullptr) GTEST_SKIP() << "/dev/kvm is not there or may not be opened";
  }

  // Starts a machine whose first processor runs `code`.
  bool Start(std::span<const uint8_t> code, Protocol protocol, unsigned cpus = 1) {
    memory_.emplace(test::MakeGuest(code));
    BoardOptions options;
    options.cpu_count = cpus;
    options.serial_output[0] = [this](std::span<const uint8_t> bytes) { Output(bytes); };
    options.request = [this](MachineRequest request) {
      if (!asked_.exchange(true)) request_.set_value(std::move(request));
    };
    auto board = Board::Create(system_, *memory_, std::move(options));
    EXPECT_THAT(board, IsOk());
    if (!board) return false;
    board_ = std::move(*board);
    Prepare();
    const base::Status started = board_->Start(test::Enter(protocol));
    EXPECT_THAT(started, IsOk());
    return started.has_value();
  }
  virtual void Prepare() {}

  MachineRequest WaitForRequest() {
    auto future = request_.get_future();
    if (future.wait_for(kLong) != std::future_status::ready) {
      ADD_FAILURE() << "the guest asked for nothing; it wrote: " << text_;
      return {};
    }
    return future.get();
  }
  std::string WaitForOutput(size_t count) {
    std::unique_lock lock(mutex_);
    written_.wait_for(lock, kLong, [&] { return text_.size() >= count; });
    return text_;
  }

 private:
  void Output(std::span<const uint8_t> bytes) {
    const std::lock_guard lock(mutex_);
    text_.append(bytes.begin(), bytes.end());
    written_.notify_all();
  }

 protected:
  std::shared_ptr<const kvm::System> system_;
  std::optional<GuestMemory> memory_;
  std::promise<MachineRequest> request_;
  std::atomic<bool> asked_{false};
  std::mutex mutex_;
  std::condition_variable written_;
  std::string text_;
  std::unique_ptr<Board> board_;  // last: its threads use all of the above
};

TEST_F(GuestTest, LongModeWritesToTheConsoleAndPowersOff) {
  constexpr std::array<uint8_t, 19> kCode = {
      0x66, 0xba, 0xf8, 0x03,  // mov dx, 0x3f8
      0xb0, 'K',               // mov al, 'K'
      0xee,                    // out dx, al
      0x66, 0xba, 0x04, 0x06,  // mov dx, 0x604
      0x66, 0xb8, 0x00, 0x34,  // mov ax, SLP_EN | 5 << 10
      0x66, 0xef,              // out dx, ax
      0xf4,                    // hlt
      0xf4,
  };
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64));
  EXPECT_EQ(WaitForRequest().kind, MachineRequest::Kind::kPowerOff);
  EXPECT_EQ(WaitForOutput(1), "K");
  EXPECT_THAT(board_->Stop(), IsOk());
}

TEST_F(GuestTest, ProtectedModeResetsByTheKeyboardController) {
  constexpr std::array<uint8_t, 7> kCode = {
      0xb0, 0xfe,  // mov al, 0xfe
      0xe6, 0x64,  // out 0x64, al
      0xf4,        // hlt
      0xeb, 0xfd,  // jmp to hlt
  };
  ASSERT_TRUE(Start(kCode, Protocol::kPvh));
  const MachineRequest request = WaitForRequest();
  EXPECT_EQ(request.kind, MachineRequest::Kind::kReset);
  EXPECT_THAT(request.text, HasSubstr("0x64"));
}

TEST_F(GuestTest, ATripleFaultIsAReset) {
  constexpr std::array<uint8_t, 2> kCode = {0x0f, 0x0b};  // ud2, and no interrupt table
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64));
  const MachineRequest request = WaitForRequest();
  EXPECT_EQ(request.kind, MachineRequest::Kind::kReset);
  EXPECT_THAT(request.text, HasSubstr("triple fault"));
}

// All widths of reads and writes of memory that is nobody's RAM reach a device.
class MemoryGuestTest : public GuestTest, public IoDevice {
 protected:
  void Prepare() override {
    ASSERT_THAT(board_->memory().Attach({0xc0000000, 0x1000},
                                        std::shared_ptr<IoDevice>(this, [](IoDevice*) {})),
                IsOk());
  }
  std::string_view name() const override { return "test"; }
  uint64_t Read(Access access) override { return 0x1122334455667788 >> (8 * access.offset); }
  void Write(Access access, uint64_t value) override {
    const std::lock_guard lock(mutex_);
    writes_.emplace_back(access.bytes(), value);
  }
  std::vector<std::pair<unsigned, uint64_t>> writes_;
};

TEST_F(MemoryGuestTest, MemoryAccessesReachTheDevice) {
  constexpr std::array<uint8_t, 27> kCode = {
      0xbf, 0x00, 0x00, 0x00, 0xc0,  // mov edi, 0xc0000000
      0x48, 0x8b, 0x07,              // mov rax, [rdi]
      0x88, 0x07,                    // mov [rdi], al
      0x66, 0x89, 0x07,              // mov [rdi], ax
      0x89, 0x07,                    // mov [rdi], eax
      0x48, 0x89, 0x07,              // mov [rdi], rax
      0x8a, 0x47, 0x03,              // mov al, [rdi + 3]
      0x88, 0x07,                    // mov [rdi], al
      0x0f, 0x0b,                    // ud2
      0xf4, 0xf4,
  };
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64));
  EXPECT_EQ(WaitForRequest().kind, MachineRequest::Kind::kReset);
  ASSERT_THAT(board_->Stop(), IsOk());
  EXPECT_THAT(writes_,
              testing::ElementsAre(std::pair(1u, 0x88ul), std::pair(2u, 0x7788ul),
                                   std::pair(4u, 0x55667788ul), std::pair(8u, 0x1122334455667788ul),
                                   std::pair(1u, 0x55ul)));
  EXPECT_EQ(board_->exits()[2], 7u);  // memory
}

TEST_F(GuestTest, StringOutputIsOneExit) {
  constexpr std::array<uint8_t, 31> kCode = {
      0x48, 0x8d, 0x35, 0x12, 0x00, 0x00, 0x00,  // lea rsi, [text]
      0xb9, 0x05, 0x00, 0x00, 0x00,              // mov ecx, 5
      0x66, 0xba, 0xf8, 0x03,                    // mov dx, 0x3f8
      0xfc,                                      // cld
      0xf3, 0x6e,                                // rep outsb
      0x0f, 0x0b, 0xf4, 0xf4, 0xf4, 0xf4,        // ud2
      'h',  'e',  'l',  'l',  'o',  0,
  };
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64));
  EXPECT_EQ(WaitForOutput(5), "hello");
  EXPECT_EQ(WaitForRequest().kind, MachineRequest::Kind::kReset);
}

// A halted processor stays inside of the kernel; stopping brings it out, resuming puts it back.
TEST_F(GuestTest, AHaltedProcessorStopsAndGoesOn) {
  constexpr std::array<uint8_t, 10> kCode = {
      0x66, 0xba, 0xf8, 0x03,  // mov dx, 0x3f8
      0xb0, 'H',               // mov al, 'H'
      0xee,                    // out dx, al
      0xf4,                    // hlt
      0xeb, 0xfd,              // jmp to hlt
  };
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64));
  EXPECT_EQ(WaitForOutput(1), "H");
  for (int round = 0; round < 3; ++round) {
    ASSERT_THAT(board_->Stop(), IsOk());
    ASSERT_THAT(board_->Resume(), IsOk());
  }
  EXPECT_EQ(board_->exits()[3], 0u);  // halt exits: the kernel's controller waits itself
}

TEST_F(GuestTest, ABusyProcessorStops) {
  constexpr std::array<uint8_t, 2> kCode = {0xeb, 0xfe};  // jmp to itself
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64, 4));
  EXPECT_THAT(board_->Stop(), IsOk());
}

// Stores what the guest's code needs beside itself, before it starts.
class TableGuestTest : public GuestTest {
 protected:
  void Prepare() override {
    for (const auto& [address, value] : words_)
      ASSERT_THAT(memory_->StoreValue(base::GuestPhys{address}, value), IsOk());
  }
  std::vector<std::pair<uint64_t, uint64_t>> words_;
};

// Waits halted with interrupts on; the handler of vector 0x40 says 'I'.
constexpr std::array<uint8_t, 56> kWaiting = {
    0x0f, 0x01, 0x1c, 0x25, 0x00, 0x30, 0x00, 0x00,  // lidt [0x3000]
    0xb8, 0xf0, 0x00, 0xe0, 0xfe,                    // mov eax, spurious vector register
    0xc7, 0x00, 0xff, 0x01, 0x00, 0x00,              // mov dword [rax], enabled
    0xb8, 0x00, 0x00, 0xc0, 0xfe,                    // mov eax, I/O APIC
    0xc7, 0x00, 0x38, 0x00, 0x00, 0x00,              // mov dword [rax], redirection of pin 20
    0xc7, 0x40, 0x10, 0x40, 0x00, 0x00, 0x00,        // mov dword [rax + 0x10], vector 0x40, edge
    0x66, 0xba, 0xf8, 0x03,                          // mov dx, 0x3f8
    0xfb,                                            // sti
    0xb0, 'R',                                       // mov al, 'R'
    0xee,                                            // out dx, al
    0xf4,                                            // hlt
    0xeb, 0xfd,                                      // jmp to hlt
    0x90, 0x90, 0x90, 0x90, 0xb0, 'I',               // the handler: mov al, 'I'
    0xee,                                            // out dx, al
    0xf4,                                            // hlt, interrupts off
};
constexpr uint64_t kHandler = test::kCodeAddress + 52;

class InterruptGuestTest : public TableGuestTest {
 protected:
  InterruptGuestTest() {
    constexpr uint64_t kGate = 0x8e00ull << 32 | 0x10ull << 16;  // present interrupt gate, code
    words_ = {{0x2400, kGate | (kHandler & 0xffff) | (kHandler >> 16 & 0xffff) << 48},
              {0x2408, kHandler >> 32},
              {0x3000, 0x20000fff},  // limit, and the low bytes of the base 0x2000
              {0x3008, 0}};
  }
  // An event reaches the guest's handler without user space.
  void SignalAndExpectHandler(uint32_t gsi) {
    const auto event = base::EventFd::Create();
    ASSERT_THAT(event, IsOk());
    const auto irqfd = board_->vm().ConnectIrqfd(*event, gsi);
    ASSERT_THAT(irqfd, IsOk());
    const uint64_t before = board_->exits()[1];
    ASSERT_THAT(event->Signal(), IsOk());
    EXPECT_EQ(WaitForOutput(2), "RI");
    ASSERT_THAT(board_->Stop(), IsOk());
    EXPECT_EQ(board_->exits()[1], before + 1);  // the handler's own output and nothing else
  }
};

TEST_F(InterruptGuestTest, AnIrqfdOfAPinRunsTheGuestsHandler) {
  ASSERT_TRUE(Start(kWaiting, Protocol::kLinux64));
  ASSERT_EQ(WaitForOutput(1), "R");
  SignalAndExpectHandler(20);
}

TEST_F(InterruptGuestTest, AnIrqfdOfAMessageRunsTheGuestsHandler) {
  ASSERT_TRUE(Start(kWaiting, Protocol::kLinux64));
  ASSERT_EQ(WaitForOutput(1), "R");
  const auto gsi = board_->vm().AllocateGsi();
  ASSERT_THAT(gsi, IsOk());
  board_->vm().SetMsiRoute(*gsi, {0xfee00000, 0x40});
  ASSERT_THAT(board_->vm().CommitRoutes(), IsOk());
  SignalAndExpectHandler(*gsi);
}

// The first processor starts the second one, which begins in real mode.
TEST_F(TableGuestTest, ASecondProcessorStarts) {
  constexpr std::array<uint8_t, 45> kCode = {
      0xbf, 0x00, 0x00, 0xe0, 0xfe,                                // mov edi, local APIC
      0xc7, 0x87, 0xf0, 0x00, 0x00, 0x00, 0xff, 0x01, 0x00, 0x00,  // enabled
      0xc7, 0x87, 0x10, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,  // to processor 1
      0x48, 0x89, 0xf8,                                            // mov rax, rdi
      0x05, 0x00, 0x03, 0x00, 0x00,                                // add eax, 0x300
      0xc7, 0x00, 0x00, 0x45, 0x00, 0x00,                          // INIT
      0xc7, 0x00, 0x08, 0x46, 0x00, 0x00,                          // start at 0x8000
  };
  std::vector<uint8_t> code(kCode.begin(), kCode.end());
  code.insert(code.end(), {0xf4, 0xeb, 0xfd});  // hlt for ever
  // mov dx, 0x3f8; mov al, 'S'; out dx, al; hlt
  words_ = {{0x8000, 0xf4ee53b003f8baull}};
  ASSERT_TRUE(Start(code, Protocol::kLinux64, 2));
  EXPECT_EQ(WaitForOutput(1), "S");
  EXPECT_THAT(board_->Stop(), IsOk());
}

// A new machine over the same memory, as after a guest's reboot.
TEST_F(GuestTest, ARebootRunsAgainOnTheSameMemory) {
  // inc dword [0x5000]; mov al, [0x5000]; out 0x3f8, al by dx; ud2
  constexpr std::array<uint8_t, 21> kCode = {
      0xff, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00,  // inc dword [0x5000]
      0x8a, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00,  // mov al, [0x5000]
      0x66, 0xba, 0xf8, 0x03,                    // mov dx, 0x3f8
      0xee,                                      // out dx, al
      0x0f, 0x0b,                                // ud2
  };
  ASSERT_TRUE(Start(kCode, Protocol::kLinux64));
  EXPECT_EQ(WaitForRequest().kind, MachineRequest::Kind::kReset);
  board_.reset();
  BoardOptions options;
  std::promise<uint8_t> second;
  options.serial_output[0] = [&](std::span<const uint8_t> bytes) { second.set_value(bytes[0]); };
  options.request = [](const MachineRequest&) {};
  auto board = Board::Create(system_, *memory_, std::move(options));
  ASSERT_THAT(board, IsOk());
  ASSERT_THAT((*board)->Start(test::Enter(Protocol::kLinux64)), IsOk());
  EXPECT_EQ(second.get_future().get(), 2);
}

}  // namespace
}  // namespace vmm
