#include "sysfs/base/fd.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>

#include "tests/support/matchers.h"

namespace base {
namespace {

using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::HasSubstr;

Fd MemoryFile() { return Fd(::memfd_create("test", MFD_CLOEXEC)); }

TEST(Fd, MovesOwnership) {
  Fd first = MemoryFile();
  const int raw = first.raw();
  const Fd second = std::move(first);
  EXPECT_EQ(second.raw(), raw);
  EXPECT_FALSE(
      first.valid());  // NOLINT(bugprone-use-after-move): a moved-from Fd is empty by contract
}

TEST(Fd, ClosesOnDestruction) {
  int raw = -1;
  {
    const Fd fd = MemoryFile();
    raw = fd.raw();
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
  EXPECT_EQ(errno, EBADF);
}

TEST(OpenFile, NamesThePath) {
  EXPECT_THAT(OpenFile("/nonexistent/file", O_RDONLY),
              FailsWith(Code::kNotFound, HasSubstr("/nonexistent/file")));
}

TEST(ReadExactAt, FailsAtTheEndOfTheFile) {
  const Fd fd = MemoryFile();
  const std::array<std::byte, 4> four{};
  ASSERT_THAT(WriteAllAt(fd, four, 0), IsOk());
  std::array<std::byte, 8> eight{};
  EXPECT_THAT(ReadExactAt(fd, std::span(eight).first(4), 0), IsOk());
  EXPECT_THAT(ReadExactAt(fd, eight, 0), FailsWith(Code::kKernel));
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  EXPECT_THAT(ReadFile("/proc/self/stat", 1), FailsWith(Code::kUsage));
  EXPECT_THAT(ReadFile("/proc/self/stat"), IsOk());
}

TEST(EventFd, TakeReturnsTheCountSinceTheLastCall) {
  const Result<EventFd> event = EventFd::Create();
  ASSERT_THAT(event, IsOk());
  EXPECT_THAT(event->Take(), IsOkAnd(0u));
  ASSERT_THAT(event->Signal(), IsOk());
  ASSERT_THAT(event->Signal(), IsOk());
  EXPECT_THAT(event->Take(), IsOkAnd(2u));
  EXPECT_THAT(event->Take(), IsOkAnd(0u));
}

}  // namespace
}  // namespace base
