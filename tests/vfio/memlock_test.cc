#include "vfio/memlock.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "sysfs/base/address.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace vfio {
namespace {

using base::Code;
using base::kGiB;
using base::kMiB;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::AllOf;
using testing::HasSubstr;

TEST(PlanMemlock, TooSmallAHardLimitSaysWhatAndHow) {
  const auto plan = PlanMemlock(kGiB, {8 * kMiB, 16 * kMiB, false});
  ASSERT_THAT(plan, FailsWith(Code::kDenied, AllOf(HasSubstr("1 GiB needed"), HasSubstr("8 MiB"),
                                                   HasSubstr("16 MiB"))));
  EXPECT_THAT(plan.error().hint(),
              AllOf(HasSubstr("LimitMEMLOCK=1048576K"), HasSubstr("limits.conf"),
                    HasSubstr("prlimit --pid $$ --memlock=1073741824")));
}

TEST(PlanMemlock, RaisesTheSoftLimitUpToWhatIsNeeded) {
  EXPECT_THAT(PlanMemlock(kGiB, {8 * kMiB, kGiB, false}), IsOkAnd(std::optional(kGiB)));
  EXPECT_THAT(PlanMemlock(kGiB, {8 * kMiB, kUnlimited, false}), IsOkAnd(std::optional(kGiB)));
}

TEST(PlanMemlock, DoesNothingWhenTheLimitSuffices) {
  const std::optional<uint64_t> nothing;
  EXPECT_THAT(PlanMemlock(kGiB, {kGiB, kGiB, false}), IsOkAnd(nothing));
  EXPECT_THAT(PlanMemlock(kGiB, {kUnlimited, kUnlimited, false}), IsOkAnd(nothing));
  EXPECT_THAT(PlanMemlock(kGiB, {0, 0, true}), IsOkAnd(nothing));
}

TEST(MemlockNeeded, AsksForFivePercentMore) {
  EXPECT_EQ(MemlockNeeded(100 * kMiB), 105 * kMiB);
  EXPECT_EQ(MemlockNeeded(0), 0u);
  EXPECT_EQ(MemlockNeeded(UINT64_MAX), UINT64_MAX);
}

struct CapabilityCase {
  const char* status;
  const char* uid_map;
  bool exempt;
};

TEST(ReadMemlockLimits, KnowsTheCapability) {
  const CapabilityCase cases[] = {
      {"Name:\tvmm\nCapEff:\t0000000000004000\nCapBnd:\t0\n", "0 0 4294967295", true},
      {"CapEff:\t000001ffffffffff\n", "         0          0 4294967295\n", true},
      {"CapEff:\t000001ffffffffff\n", "0 100000 65536\n", false},
      {"CapEff:\t0000000000003fff\n", "0 0 4294967295", false},
      {"CapPrm:\t0000000000004000\n", "0 0 4294967295", false},
      {"CapEff:\tzz\n", "0 0 4294967295", false},
      {"", "0 0 4294967295", false},
  };
  for (const CapabilityCase& each : cases) {
    test::FakeTree tree;
    tree.AddFile("/proc/self/status", each.status);
    tree.AddFile("/proc/self/uid_map", each.uid_map);
    EXPECT_EQ(ReadMemlockLimits(tree).exempt, each.exempt) << each.status << each.uid_map;
  }
}

TEST(EnsureMemlock, RaisesTheLimitOfThisProcess) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &before), 0);
  const rlimit low{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &low), 0);
  const test::FakeTree tree;  // no capability to be seen
  if (before.rlim_max >= kMiB) {
    EXPECT_THAT(EnsureMemlock(tree, kMiB), IsOk());
    EXPECT_EQ(ReadMemlockLimits(tree).soft, kMiB);
  }
  if (before.rlim_max != RLIM_INFINITY) {
    EXPECT_THAT(EnsureMemlock(tree, before.rlim_max + 1), FailsWith(Code::kDenied));
  }
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &before), 0);
}

}  // namespace
}  // namespace vfio
