#include "vmm/virtio/console/console.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/matchers.h"
#include "tests/support/read_pipe.h"
#include "tests/support/temp_folder.h"
#include "tests/support/virtio_function.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using test::IsOk;

class ConsoleTest : public test::VirtioFunction {
 protected:
  ConsoleTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader_ = base::Fd(ends[0]);
    MakeConsole(Console::Create({base::Fd(ends[1]), "console", 80, 25}));
  }
  void MakeConsole(base::Result<std::unique_ptr<Console>> made) {
    ASSERT_THAT(made, IsOk());
    if (function_) function_->Disconnect();
    console_ = made->get();
    Make(std::move(*made));
  }
  // Queue 0 has the rings of the fixture's driver; queue 1 its own further up.
  void StartBoth() {
    Start({}, 16);
    SetStatus(0);
    SetStatus(3);
    Negotiate(kVersion1);
    SetStatus(11);
    EnableMsix(3);
    SetUpQueue(0, 1);
    output_.emplace(std::span(bytes_).subspan(0x20000), kBase + 0x20000, uint16_t{16},
                    RingFeatures{});
    std::swap(driver_, output_);
    SetUpQueue(1, 2);
    std::swap(driver_, output_);
    SetStatus(15);
  }
  void Print(const std::string& text) {
    for (size_t i = 0; i < text.size(); ++i)
      output_->Store<uint8_t>(kData + i, static_cast<uint8_t>(text[i]));
    ASSERT_TRUE(output_->Add({{kData, static_cast<uint32_t>(text.size()), false}}, 1, false));
    Kick(1);
    ASSERT_TRUE(Eventually([&] { return output_->Reap().has_value(); }));
  }
  // With one kick.
  void PrintTogether(unsigned count, uint32_t size) {
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_TRUE(output_->Add({{kData, size, false}}, i, false));
    }
    Kick(1);
    for (unsigned i = 0; i < count; ++i) {
      ASSERT_TRUE(Eventually([&] { return output_->Reap().has_value(); }));
    }
  }
  uint64_t Dropped() {
    uint64_t dropped = 0;
    OnIo([&] { dropped = console_->dropped(); });
    return dropped;
  }
  std::string ReadOutput(size_t count) { return test::ReadPipe(reader_, count); }

  base::Fd reader_;
  Console* console_ = nullptr;
  std::optional<test::VirtioDriver> output_;
};

TEST_F(ConsoleTest, PrintsWhatTheGuestWrites) {
  StartBoth();
  Print("hello");
  EXPECT_EQ(ReadOutput(5), "hello");
  Print(" again");
  EXPECT_EQ(ReadOutput(6), " again");
}

TEST_F(ConsoleTest, NobodyReadsAndTheGuestGoesOn) {
  StartBoth();
  const std::string line(4096, 'x');
  for (unsigned i = 0; i < 64; ++i) Print(line);
  Print("the end");
  const uint64_t dropped = Dropped();
  EXPECT_GT(dropped, 0u);
  // What is kept is the newest, and comes when somebody reads.
  const size_t total = 64 * line.size() + 7 - dropped;
  const std::string all = ReadOutput(total);
  ASSERT_EQ(all.size(), total);
  EXPECT_EQ(all.substr(total - 7), "the end");
}

// A pipe that takes it, and a file that takes a little longer than the guest.
TEST_F(ConsoleTest, NothingOfAKickIsLost) {
  StartBoth();
  ASSERT_GT(::fcntl(reader_.raw(), F_SETPIPE_SZ, 1 << 20), 0);
  PrintTogether(8, 0x10000);
  EXPECT_EQ(Dropped(), 0u);
  EXPECT_EQ(ReadOutput(0x80000).size(), 0x80000u);

  const test::TempFolder folder;
  const std::string path = folder.path() + "/log";
  auto file = base::OpenFile(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
  ASSERT_THAT(file, IsOk());
  MakeConsole(Console::Create({std::move(*file), "console", 80, 25}));
  StartBoth();
  for (unsigned i = 0; i < 16; ++i) PrintTogether(16, 0x4000);
  EXPECT_EQ(Dropped(), 0u);
  TearDown();
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_size, 16 * 16 * 0x4000);
}

// A pipe that nobody reads is one: the guest waits once, the thread of all devices does not.
TEST_F(ConsoleTest, AFileOfAStorageThatHangs) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd reader(ends[0]);
  MakeConsole(
      Console::Create({{}, "console", 80, 25}, std::move(*MakeFileOutput(base::Fd(ends[1]), ""))));
  StartBoth();
  for (unsigned i = 0; i < 4; ++i) PrintTogether(8, 0x4000);
  EXPECT_GT(Dropped(), 0u);
  SetStatus(0);
  EXPECT_TRUE(Eventually([&] { return Status() == 0; }));
  StartBoth();
  Print("the end");
  reader_ = base::Fd(::dup(reader.raw()));
  std::string all;
  while (!all.ends_with("the end") && all.size() < 0x200000) all += ReadOutput(1);
  EXPECT_GT(all.size(), OutputRing::kRoom);
}

TEST_F(ConsoleTest, InputWaitsForRoom) {
  const std::string text = "input of a user";
  EXPECT_EQ(console_->Input({reinterpret_cast<const uint8_t*>(text.data()), text.size()}),
            text.size());
  StartBoth();
  const auto give = [&](uint32_t room) {
    EXPECT_TRUE(driver_->Add({{kData + 0x100, room, true}}, 1, false));
    Kick(0);
  };
  const auto take = [&] {
    std::optional<test::VirtioDriver::Done> done;
    EXPECT_TRUE(Eventually([&] { return (done = driver_->Reap()).has_value(); }));
    std::string got;
    for (uint32_t i = 0; done && i < done->written; ++i)
      got.push_back(static_cast<char>(driver_->Load<uint8_t>(kData + 0x100 + i)));
    return got;
  };
  give(8);
  OnIo([] {});
  EXPECT_FALSE(driver_->Reap()) << "the guest has not said anything yet";
  Print("$ ");
  EXPECT_EQ(take(), "input of");
  give(100);
  EXPECT_EQ(take(), " a user");
  // A buffer that is there already.
  ASSERT_TRUE(driver_->Add({{kData + 0x100, 64, true}}, 2, false));
  Kick(0);
  const uint8_t key = 'k';
  EXPECT_EQ(console_->Input({&key, 1}), 1u);
  EXPECT_TRUE(Eventually([&] { return driver_->Reap().has_value(); }));
}

TEST_F(ConsoleTest, AGuestThatSaysNothingIsGivenInputAfterAWhile) {
  StartBoth();
  ASSERT_TRUE(driver_->Add({{kData, 64, true}}, 2, false));
  Kick(0);
  const uint8_t key = 'k';
  EXPECT_EQ(console_->Input({&key, 1}), 1u);
  EXPECT_TRUE(Eventually([&] { return driver_->Reap().has_value(); }));
}

TEST_F(ConsoleTest, InputIsBounded) {
  const std::vector<uint8_t> much(Console::kMostInput + 10);
  EXPECT_EQ(console_->Input(much), Console::kMostInput);
  EXPECT_EQ(console_->Input(much), 0u);
}

TEST_F(ConsoleTest, AnEmergencyNeedsNoDriver) {
  Write(0x2008, Width::k4, '!');
  EXPECT_EQ(ReadOutput(1), "!");
  for (unsigned i = 0; i < 100; ++i) Write(0x2000 + i, Width::k1, i);
  Write(0x2008, Width::k1, '?');
  EXPECT_EQ(ReadOutput(2), "\x08?");
}

TEST_F(ConsoleTest, ANewSizeIsAnInterruptAndAnotherGeneration) {
  StartBoth();
  Write(16, Width::k2, 0);
  EXPECT_EQ(Read(0x2000, Width::k4), 80u | 25u << 16);
  const uint64_t before = Read(21, Width::k1);
  OnIo([&] { console_->Resize(132, 43); });
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40)));
  EXPECT_EQ(Read(0x2000, Width::k4), 132u | 43u << 16);
  EXPECT_NE(Read(21, Width::k1), before);
  OnIo([&] { console_->Resize(132, 43); });
  EXPECT_FALSE(TakeInterrupt(EventOf(0x40), 0)) << "nothing has changed";
}

}  // namespace
}  // namespace vmm::virtio
