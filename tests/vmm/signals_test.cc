#include "vmm/signals.h"

#include <gmock/gmock.h>

#include <array>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::Eq;
using testing::Optional;

bool Blocked(int number) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, number) == 1;
}

TEST(SignalSource, TakesNothingWhenNothingCame) {
  const auto source = SignalSource::Create(std::array{SIGTERM, SIGHUP});
  ASSERT_THAT(source, IsOk());
  EXPECT_THAT(source->Take(), Eq(std::nullopt));
}

TEST(SignalSource, GivesSignalsInsteadOfTheirAction) {
  const auto source = SignalSource::Create(std::array{SIGTERM, SIGHUP});
  ASSERT_THAT(source, IsOk());
  ASSERT_EQ(::raise(SIGTERM), 0);
  EXPECT_THAT(source->Take(), Optional(SIGTERM));
  EXPECT_THAT(source->Take(), Eq(std::nullopt));
}

TEST(SignalSource, GivesTheMaskBack) {
  ASSERT_FALSE(Blocked(SIGUSR1));
  {
    const auto source = SignalSource::Create(std::array{SIGUSR1});
    ASSERT_THAT(source, IsOk());
    EXPECT_TRUE(Blocked(SIGUSR1));
    EXPECT_EQ(::sigismember(&source->restore_mask(), SIGUSR1), 0);
  }
  EXPECT_FALSE(Blocked(SIGUSR1));
}

}  // namespace
}  // namespace vmm
