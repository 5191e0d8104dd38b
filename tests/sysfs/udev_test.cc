#include "sysfs/udev.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::FailsWith;

class Events : public testing::Test {
 protected:
  // A subsystem that no kernel has: no event ever comes.
  base::Result<Monitor> monitor_ = Monitor::Open({"no-such-subsystem"});
};

TEST_F(Events, NoneWaiting) {
  ASSERT_THAT(monitor_, test::IsOk());
  EXPECT_GE(monitor_->fd(), 0);
  EXPECT_FALSE(monitor_->Next().has_value());
}

TEST_F(Events, TheKernelsOwnCanBeHeardToo) {
  const auto monitor = Monitor::Open({"no-such-subsystem"}, EventSource::kKernel);
  ASSERT_THAT(monitor, test::IsOk());
  EXPECT_GE(monitor->fd(), 0);
}

TEST_F(Events, WaitForEndsAtTheDeadline) {
  const auto start = steady_clock::now();
  const auto event =
      monitor_->WaitFor([](const DeviceEvent&) { return true; }, start + milliseconds(20));
  EXPECT_THAT(event, FailsWith(base::Code::kTimedOut));
  EXPECT_GE(steady_clock::now() - start, milliseconds(20));
}

TEST_F(Events, PassedDeadlineDoesNotWait) {
  EXPECT_THAT(monitor_->WaitFor([](const DeviceEvent&) { return true; },
                                steady_clock::now() - milliseconds(1)),
              FailsWith(base::Code::kTimedOut));
}

TEST_F(Events, WaitUntilAsksAtOnceAndWithoutEvents) {
  int asked = 0;
  EXPECT_THAT(monitor_->WaitUntil([&] { return ++asked == 1; }, steady_clock::now()), test::IsOk());
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(monitor_->WaitUntil([&] { return ++asked == 3; },
                                  steady_clock::now() + std::chrono::seconds(30)),
              test::IsOk());
  EXPECT_EQ(asked, 3);
}

TEST_F(Events, WaitUntilEndsAtTheDeadline) {
  EXPECT_THAT(monitor_->WaitUntil([] { return false; }, steady_clock::now() + milliseconds(20)),
              FailsWith(base::Code::kTimedOut));
}

TEST(UdevQueue, AnIdleOneIsNotWaitedFor) {
  const auto start = steady_clock::now();
  EXPECT_TRUE(AwaitUdevIdle(std::chrono::seconds(60)));
  EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(30));
}

}  // namespace
}  // namespace sysfs
