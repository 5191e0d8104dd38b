#include "sysfs/evidence/force.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseForce, WithoutReasonListsThem) {
  for (const char* text : {"", " "}) {
    const auto force = ParseForce(text);
    ASSERT_THAT(force, FailsWith(Code::kUsage));
    EXPECT_THAT(force.error().hint(),
                HasSubstr("mounted, netdev, ssh, console, group, assigned, no-reset, foreign"));
  }
}

TEST(ParseForce, UnknownReasonIsNamed) {
  for (const char* text : {"all", "mounted,", "mounted,yes", "Mounted"}) {
    EXPECT_THAT(ParseForce(text), FailsWith(Code::kUsage, HasSubstr("no such reason"))) << text;
  }
}

TEST(ParseForce, TakesSeveral) {
  EXPECT_THAT(ParseForce("netdev,mounted, netdev"),
              IsOkAnd(ElementsAre(ForceReason::kMounted, ForceReason::kNetdev)));
}

}  // namespace
}  // namespace sysfs
