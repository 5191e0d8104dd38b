#include "vmm/thread.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <cerrno>

#include "sysfs/base/fd.h"
#include "tests/support/matchers.h"

namespace vmm {
namespace {

using std::chrono::steady_clock;
using test::IsOk;

constexpr std::chrono::seconds kLong{20};

TEST(Thread, JoinsOnDestruction) {
  std::atomic<bool> ran{false};
  {
    const auto thread = Thread::Start("test", [&] { ran = true; });
    ASSERT_THAT(thread, IsOk());
  }
  EXPECT_TRUE(ran);
}

TEST(Thread, WaitEndsAtTheDeadline) {
  const auto event = base::EventFd::Create();
  ASSERT_THAT(event, IsOk());
  const auto thread = Thread::Start("a name that is too long", [&] {
    pollfd poll{event->fd().raw(), POLLIN, 0};
    ::poll(&poll, 1, -1);
  });
  ASSERT_THAT(thread, IsOk());
  EXPECT_FALSE(thread->WaitUntil(steady_clock::now()));
  ASSERT_THAT(event->Signal(), IsOk());
  EXPECT_TRUE(thread->WaitUntil(steady_clock::now() + kLong));
}

TEST(Thread, KickEndsASystemCall) {
  std::atomic<int> err{0};
  const auto thread = Thread::Start("test", [&] {
    if (::poll(nullptr, 0, -1) < 0) err = errno;
  });
  ASSERT_THAT(thread, IsOk());
  // The thread may not be in its call yet.
  while (!thread->WaitUntil(steady_clock::now() + std::chrono::milliseconds(1))) thread->Kick();
  EXPECT_EQ(err, EINTR);
}

TEST(Thread, AnEmptyOneHasEnded) {
  Thread thread;
  thread.Kick();
  EXPECT_FALSE(thread.joinable());
  EXPECT_TRUE(thread.WaitUntil(steady_clock::now()));
}

}  // namespace
}  // namespace vmm
