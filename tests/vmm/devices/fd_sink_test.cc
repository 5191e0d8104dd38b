#include "vmm/devices/fd_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <vector>

#include "tests/support/matchers.h"
#include "vmm/thread.h"

namespace vmm {
namespace {

using std::chrono::milliseconds;
using test::IsOk;

struct Pipe {
  base::Fd reader;
  base::Fd writer;
};

Pipe NewPipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {base::Fd(ends[0]), base::Fd(ends[1])};
}

size_t Fill(const base::Fd& writer) {
  EXPECT_EQ(::fcntl(writer.raw(), F_SETFL, O_NONBLOCK), 0);
  const std::array<char, 4096> block{};
  size_t total = 0;
  for (ssize_t count = 0; (count = ::write(writer.raw(), block.data(), block.size())) > 0;)
    total += static_cast<size_t>(count);
  EXPECT_EQ(::fcntl(writer.raw(), F_SETFL, 0), 0);
  return total;
}

void Drain(const base::Fd& reader, size_t size) {
  std::vector<char> block(size);
  for (size_t left = size; left > 0;) {
    const ssize_t count = ::read(reader.raw(), block.data(), left);
    ASSERT_GT(count, 0);
    left -= static_cast<size_t>(count);
  }
}

TEST(FdSink, AClosedReaderDropsBytes) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe = NewPipe();
  pipe.reader.Close();
  FdSink sink(std::move(pipe.writer), "console", FdSink::kConsolePatience);
  sink.Write(std::vector<uint8_t>(3));
  EXPECT_EQ(sink.dropped(), 3u);
}

TEST(FdSink, WritesEverything) {
  Pipe pipe = NewPipe();
  FdSink sink(std::move(pipe.writer), "console", FdSink::kConsolePatience);
  const std::vector<uint8_t> bytes = {'a', 'b', 'c'};
  sink.Write(bytes);
  std::array<char, 3> read{};
  EXPECT_EQ(::read(pipe.reader.raw(), read.data(), read.size()), 3);
  EXPECT_EQ(read[2], 'c');
  EXPECT_EQ(sink.dropped(), 0u);
}

TEST(FdSink, AFullDescriptorDropsAfterItsPatienceAndRecovers) {
  Pipe pipe = NewPipe();
  const size_t filled = Fill(pipe.writer);
  FdSink sink(std::move(pipe.writer), "console", milliseconds(1));
  sink.Write(std::vector<uint8_t>(5));
  sink.Write(std::vector<uint8_t>(5));
  EXPECT_EQ(sink.dropped(), 10u);
  Drain(pipe.reader, filled);
  sink.Write(std::vector<uint8_t>(5));
  EXPECT_EQ(sink.dropped(), 10u);
}

TEST(FdSink, OneSignalDoesNotLoseWhatASlowReaderStillTakes) {
  Pipe pipe = NewPipe();
  const size_t filled = Fill(pipe.writer);
  FdSink sink(std::move(pipe.writer), "output", std::nullopt);
  auto thread = Thread::Start("writer", [&] { sink.Write(std::vector<uint8_t>(7)); });
  ASSERT_THAT(thread, IsOk());
  thread->Kick();
  Drain(pipe.reader, filled + 7);
  thread->Join();
  EXPECT_EQ(sink.dropped(), 0u);
}

TEST(FdSink, ManySignalsEndAWaitWithoutLimit) {
  Pipe pipe = NewPipe();
  Fill(pipe.writer);
  FdSink sink(std::move(pipe.writer), "console", std::nullopt);
  auto thread = Thread::Start("writer", [&] { sink.Write(std::vector<uint8_t>(7)); });
  ASSERT_THAT(thread, IsOk());
  while (!thread->WaitUntil(std::chrono::steady_clock::now() + milliseconds(1))) thread->Kick();
  thread->Join();
  EXPECT_EQ(sink.dropped(), 7u);
}

}  // namespace
}  // namespace vmm
