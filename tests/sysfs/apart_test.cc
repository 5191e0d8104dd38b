#include "sysfs/apart.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FailsWith;
using test::IsOkAnd;
using testing::AllOf;
using testing::HasSubstr;

using Answer = base::Result<std::string>;

TEST(Apart, GivesTheChildsAnswer) {
  const std::string long_answer(1 << 20, 'x');
  Apart apart(seconds(30));
  EXPECT_THAT(apart.Ask("a", []() -> Answer { return std::string("a\0b\n", 4); }),
              IsOkAnd(std::string("a\0b\n", 4)));
  EXPECT_THAT(apart.Ask("b", [&]() -> Answer { return long_answer; }), IsOkAnd(long_answer));
  EXPECT_THAT(apart.Ask("c", []() -> Answer { return std::string(); }), IsOkAnd(std::string()));
}

TEST(Apart, GivesTheChildsError) {
  Apart apart(seconds(30));
  const auto answer = apart.Ask("a", []() -> Answer { return base::FailErrno("eth0", ENODEV); });
  EXPECT_THAT(answer, FailsWith(Code::kNotFound, HasSubstr("eth0: No such device")));
  EXPECT_EQ(answer.error().err(), ENODEV);
}

TEST(Apart, ADeadChildIsAnError) {
  Apart apart(seconds(30));
  const auto answer = apart.Ask("the addresses", []() -> Answer { ::_exit(0); });
  EXPECT_THAT(answer, FailsWith(Code::kKernel, HasSubstr("the addresses")));
  EXPECT_EQ(answer.error().err(), EIO);
}

TEST(Apart, NothingButTheAnswerStaysOpenInTheChild) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  Apart apart(seconds(30));
  const auto is_open = [&]() -> Answer {
    return std::string(::fcntl(ends[1], F_GETFD) >= 0 ? "open" : "closed");
  };
  EXPECT_THAT(apart.Ask("a descriptor", is_open), IsOkAnd(std::string("closed")));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Apart, WhatIsNotAnsweredInTimeIsNotAskedAgainMeanwhile) {
  pid_t* const asked = static_cast<pid_t*>(
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(asked, MAP_FAILED);
  Apart apart(milliseconds(50));
  const auto stuck = [&]() -> Answer {
    *asked = ::getpid();
    while (true) ::pause();
  };
  EXPECT_THAT(apart.Ask("routes", stuck),
              FailsWith(Code::kTimedOut, AllOf(HasSubstr("routes"), HasSubstr("within 0.05 s"))));
  const auto now = []() -> Answer { return std::string("now"); };
  EXPECT_THAT(apart.Ask("addresses", now), FailsWith(Code::kTimedOut, HasSubstr("addresses")));
  while (*asked == 0) ::usleep(1000);
  ASSERT_EQ(::kill(*asked, SIGKILL), 0);
  siginfo_t ended = {};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(*asked), &ended, WEXITED | WNOWAIT), 0);
  // As short as its patience is: what counts is that it is asked.
  std::string answer;
  while (answer.empty()) answer = apart.Ask("addresses", now).value_or("");
  EXPECT_EQ(answer, "now");
  ::munmap(asked, 4096);
}

TEST(ParseAnswer, WhatIsNoAnswerIsSaid) {
  EXPECT_EQ(ParseAnswer("0 0 5"), std::nullopt);
  EXPECT_EQ(ParseAnswer("0 0 5\nabc"), std::nullopt);
  for (const char* text : {"\n", "0 0\n", "a b c\n", "0 0 -1\n"})
    EXPECT_THAT(*ParseAnswer(text), FailsWith(Code::kInternal)) << text;
}

TEST(DescribeWait, NamesTheProcess) {
  EXPECT_THAT(DescribeWait(::getpid()), testing::StartsWith("pid " + std::to_string(::getpid())));
}

}  // namespace
}  // namespace sysfs
