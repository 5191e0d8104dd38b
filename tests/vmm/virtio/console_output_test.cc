#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <string>

#include "tests/support/matchers.h"
#include "tests/support/read_pipe.h"
#include "tests/support/temp_folder.h"
#include "vmm/virtio/console/output.h"

namespace vmm::virtio {
namespace {

using test::IsOk;
using testing::HasSubstr;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(OutputRing, TheOldestMakesWay) {
  OutputRing ring;
  std::vector<std::byte> bytes(OutputRing::kRoom - 1, std::byte{1});
  ring.Push(bytes);
  const std::array<std::byte, 3> more{std::byte{2}, std::byte{3}, std::byte{4}};
  ring.Push(more);
  EXPECT_EQ(ring.size(), OutputRing::kRoom);
  EXPECT_EQ(ring.dropped(), 2u);
  std::vector<std::byte> all;
  while (ring.size() != 0) {
    const auto front = ring.Front();
    all.insert(all.end(), front.begin(), front.end());
    ring.Pop(front.size());
  }
  ASSERT_EQ(all.size(), OutputRing::kRoom);
  EXPECT_EQ(all.front(), std::byte{1});
  EXPECT_EQ(all.back(), std::byte{4});
  bytes.resize(3 * OutputRing::kRoom);
  ring.Push(bytes);
  EXPECT_EQ(ring.size(), OutputRing::kRoom);
  EXPECT_EQ(ring.dropped(), 2 + 2 * OutputRing::kRoom);
}

// A pipe in the place of a file: a write to it waits for as long as a test wants.
class FileOutputTest : public testing::Test {
 protected:
  FileOutputTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader_ = base::Fd(ends[0]);
    room_ = static_cast<size_t>(::fcntl(ends[1], F_GETPIPE_SZ));
    output_ = std::move(*MakeFileOutput(base::Fd(ends[1]), "file"));
  }
  // A write that waits, and one that waits for it in the ring.
  void Stall(OutputRing& rest) {
    const std::string much(2 * room_, 'x');
    ASSERT_EQ(output_->Take(Bytes(much)), much.size());
    ASSERT_EQ(output_->Take(Bytes("later")), 0u);
    rest.Push(Bytes("later"));
  }
  std::string Read(size_t count) { return test::ReadPipe(reader_, count); }

  base::Fd reader_;
  size_t room_ = 0;
  std::unique_ptr<ConsoleOutput> output_;
};

TEST_F(FileOutputTest, SaysWhenAWriteIsDone) {
  OutputRing rest;
  const auto loop = std::move(*EventLoop::Create());
  bool ready = false;
  const auto watch = output_->WhenReady(*loop, [&] {
    ready = true;
    loop->Stop();
  });
  ASSERT_THAT(watch, IsOk());
  Stall(rest);
  loop->Stop();
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_FALSE(ready);
  EXPECT_EQ(Read(2 * room_).size(), 2 * room_);
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_TRUE(ready);
  output_->End(rest);
  EXPECT_EQ(rest.size(), 0u);
  output_.reset();
  EXPECT_EQ(Read(5), "later");
}

TEST_F(FileOutputTest, AnEndDoesNotWaitForAStorageThatHangs) {
  OutputRing rest;
  Stall(rest);
  output_->End(rest);
  EXPECT_EQ(rest.size(), 5u);
  testing::internal::CaptureStderr();
  output_.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("file: its storage does not answer; the guest's last bytes may be lost"));
  // The write goes on by itself.
  EXPECT_EQ(Read(2 * room_).size(), 2 * room_);
  EXPECT_EQ(Read(1), "") << "and its descriptor goes with it";
}

TEST_F(FileOutputTest, WhatAFileRefusesIsCounted) {
  output_ = std::move(*MakeFileOutput(std::move(*base::OpenFile("/dev/full", O_WRONLY)), "full"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(output_->Take(Bytes("hello")), 5u);
  output_.reset();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("full: No space left on device; 5 bytes of the guest are lost"));
}

TEST(ConsoleOutput, AFileKeepsPaceAndAPipeDoesNot) {
  const test::TempFolder folder;
  auto file = base::OpenFile(folder.path() + "/log", O_WRONLY | O_CREAT, 0600);
  ASSERT_THAT(file, IsOk());
  EXPECT_TRUE((*MakeConsoleOutput(std::move(*file), "log"))->keeps_pace());
  auto null = base::OpenFile("/dev/null", O_WRONLY);
  ASSERT_THAT(null, IsOk());
  EXPECT_FALSE((*MakeConsoleOutput(std::move(*null), "null"))->keeps_pace());
}

}  // namespace
}  // namespace vmm::virtio
