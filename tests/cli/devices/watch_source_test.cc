#include "cli/devices/watch_source.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/support/matchers.h"

namespace cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(HostWatchSource, WakesUpAtTheInterval) {
  const auto source = HostWatchSource(milliseconds(20));
  ASSERT_THAT(source, test::IsOk());
  for (int round = 0; round < 2; ++round) {
    const auto wake = source->wait();
    ASSERT_THAT(wake, test::IsOk());
    EXPECT_FALSE(wake->stop);
  }
}

TEST(HostWatchSource, StopsOnASignalAndGivesTheMaskBack) {
  {
    const auto source = HostWatchSource(hours(1));
    ASSERT_THAT(source, test::IsOk());
    ::raise(SIGTERM);
    Wake wake;
    while (!wake.stop) wake = source->wait().value_or(Wake{true, false, {}});
  }  // the signal does not come after all
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(::sigismember(&mask, SIGTERM), 0);
}

TEST(HostWatchSource, StopsWhenTheReaderOfTheOutputIsGone) {
  const auto source = HostWatchSource(hours(1));
  ASSERT_THAT(source, test::IsOk());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const int saved = ::dup(STDOUT_FILENO);
  std::fflush(stdout);
  ::dup2(ends[1], STDOUT_FILENO);
  ::close(ends[0]);
  ::close(ends[1]);
  Wake wake;
  while (!wake.stop) wake = source->wait().value_or(Wake{true, false, {}});
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
  EXPECT_TRUE(wake.stop);
}

}  // namespace
}  // namespace cli
