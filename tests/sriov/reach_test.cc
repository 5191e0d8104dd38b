#include "sriov/reach.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::kCard;
using test::kSriovDrive;
using testing::HasSubstr;

class ReachTest : public testing::Test {
 protected:
  ReachTest() : assignment_(world_.Assignment()), host_(world_.Host(assignment_)) {}
  base::Status Run(const sysfs::PciAddress& pf, const Goal& goal) {
    Session session(host_, pf);
    TRY(session.Lock(goal.count));
    return Reach(session, goal);
  }
  test::SriovWorld world_;
  sysfs::AssignmentHost assignment_;
  Host host_;
};

TEST_F(ReachTest, AddressesComeBeforeDrivers) {
  std::vector<std::string> order;
  world_.card_refuses = [&](const VfAttributes& change) {
    order.push_back(Format(change));
    EXPECT_EQ(world_.tree().DriverOf("0000:03:10.0"), std::nullopt);
    return 0;
  };
  ASSERT_THAT(Run(kCard, {2, Drivers::kKernel, true, {}}), IsOk());
  EXPECT_EQ(order.size(), 2u);
  EXPECT_EQ(world_.tree().DriverOf("0000:03:10.1"), "igbvf");
}

TEST_F(ReachTest, DriveGivesUpWhatItsFunctionsNeed) {
  ASSERT_THAT(Run(kSriovDrive, {4, Drivers::kNone, false, {}}), IsOk());
  EXPECT_EQ(world_.drive().primary.queues.primary, 0);
  for (const NvmeSecondary& one : world_.drive().secondaries) {
    EXPECT_TRUE(one.online);
    EXPECT_EQ(one.queues, 2);
    EXPECT_EQ(one.interrupts, 1);
  }
}

TEST_F(ReachTest, FewerThanAskedForIsPartial) {
  world_.EnableAtMost(3);
  EXPECT_THAT(Run(kCard, {5, Drivers::kNone, false, {}}),
              FailsWith(Code::kPartial, HasSubstr("of 5 virtual functions its driver enabled 3")));
  EXPECT_FALSE(world_.attributes()[2].mac->is_zero());
}

TEST_F(ReachTest, NoneAtAllIsAFailure) {
  world_.EnableAtMost(0);
  EXPECT_THAT(Run(kCard, {5, Drivers::kNone, false, {}}), FailsWith(Code::kKernel));
}

TEST_F(ReachTest, ErrnoOfTheNumberIsExplained) {
  world_.FailStep(2, ENOSPC);
  EXPECT_THAT(Run(kCard, {5, Drivers::kNone, false, {}}),
              FailsWith(Code::kKernel, HasSubstr("not enough of its own")));
}

TEST_F(ReachTest, ProgressIsTold) {
  std::vector<unsigned> seen;
  host_.progress = [&](unsigned done, unsigned total) {
    EXPECT_EQ(total, 3u);
    seen.push_back(done);
  };
  ASSERT_THAT(Run(kCard, {3, Drivers::kNone, false, {}}), IsOk());
  EXPECT_EQ(seen.back(), 3u);
}

}  // namespace
}  // namespace sriov
