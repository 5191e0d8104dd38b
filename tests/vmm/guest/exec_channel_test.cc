#include "vmm/guest/exec_channel.h"

#include <gmock/gmock.h>

#include <random>
#include <string_view>

#include "tests/support/matchers.h"

namespace vmm::guest {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::HasSubstr;

ExecChannel Fed(std::string_view text) {
  ExecChannel channel;
  channel.Feed(std::as_bytes(std::span(text)));
  return channel;
}

TEST(ExecChannel, IgnoresWhatIsNoStatus) {
  for (const char* text : {"exit 0", "exit\n", "exit \n", "exit -1\n", "exit 256\n", "exit 1 2\n",
                           "exit 99999999999999999999\n", "EXIT 1\n", " exit 1\n", "exit 0x1\n"}) {
    EXPECT_EQ(Fed(text).status(), std::nullopt) << text;
  }
}

TEST(ExecChannel, DropsALineThatIsTooLongAndReadsTheNext) {
  const std::string noise(1 << 20, 'x');
  const ExecChannel channel = Fed("exit 1" + noise + "\nexit 3\n");
  EXPECT_EQ(channel.status(), 3);
}

TEST(ExecChannel, SaysHowFarTheGuestCame) {
  EXPECT_THAT(Fed("").Finish(), FailsWith(Code::kInternal, HasSubstr("before it started")));
  EXPECT_THAT(Fed("ready\n").Finish(), FailsWith(Code::kInternal, HasSubstr("without the")));
}

TEST(ExecChannel, TakesTheFirstStatus) {
  const ExecChannel channel = Fed("ready\nexit 7\nexit 0\n");
  EXPECT_TRUE(channel.ready());
  EXPECT_THAT(channel.Finish(), IsOkAnd(7));
}

TEST(ExecChannel, TakesAByteAtATime) {
  ExecChannel channel;
  for (const char c : std::string_view("ready\nexit 255\n")) {
    channel.Feed(std::as_bytes(std::span(&c, 1)));
  }
  EXPECT_TRUE(channel.ready());
  EXPECT_EQ(channel.status(), 255);
}

TEST(ExecChannel, KeepsToItsRangeForRandomBytes) {
  std::mt19937 random(1);
  ExecChannel channel;
  for (unsigned round = 0; round < 20000; ++round) {
    const auto byte = static_cast<std::byte>("exit 0123456789\n"[random() % 16]);
    channel.Feed(std::span(&byte, 1));
  }
  ASSERT_TRUE(!channel.status() || (*channel.status() >= 0 && *channel.status() <= 255));
}

}  // namespace
}  // namespace vmm::guest
