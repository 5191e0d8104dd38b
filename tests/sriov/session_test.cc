#include "sriov/session.h"

#include <gtest/gtest.h>

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

class SessionTest : public testing::Test {
 protected:
  SessionTest() : assignment_(world_.Assignment()), host_(world_.Host(assignment_)) {}
  test::SriovWorld world_;
  sysfs::AssignmentHost assignment_;
  Host host_;
};

TEST_F(SessionTest, HoldsTheHostAndTheDevice) {
  Session first(host_, kCard);
  ASSERT_THAT(first.Lock(2), IsOk());
  Session second(host_, kSriovDrive);
  EXPECT_THAT(second.Lock(1), FailsWith(Code::kLocked));
  EXPECT_THAT(sysfs::TakeDeviceLocks(assignment_, {kCard}), FailsWith(Code::kTimedOut));
  EXPECT_EQ(first.deadline(), std::chrono::milliseconds(2020));
}

TEST_F(SessionTest, LocksOfFunctionsLastForTheirSteps) {
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "1"), IsOk());
  Session session(host_, kCard);
  ASSERT_THAT(session.Lock(1), IsOk());
  const auto pf = session.Read();
  const Steps steps = {sysfs::Change{{pf->functions[0].device.path() + "/reset", "1"}, "reset it"}};
  ASSERT_THAT(session.Perform(steps, pf->functions), IsOk());
  const auto lock = sysfs::TakeDeviceLocks(assignment_, {pf->functions[0].device.address});
  ASSERT_THAT(lock, IsOk());
  EXPECT_THAT(session.Perform(steps, pf->functions), FailsWith(Code::kTimedOut));
}

TEST_F(SessionTest, ReadsTheDriveToo) {
  Session session(host_, kSriovDrive);
  EXPECT_TRUE(session.Read()->primary);
  host_.open_nvme = nullptr;
  Session other(host_, kSriovDrive);
  EXPECT_FALSE(other.Read()->primary);
}

TEST_F(SessionTest, DriveThatStaysInItsResetTimesOut) {
  Session session(host_, kSriovDrive);
  ASSERT_THAT(session.Read(), IsOk());
  EXPECT_THAT(session.AwaitDrive(), IsOk());
  world_.tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/state", "resetting\n");
  EXPECT_THAT(session.AwaitDrive(), FailsWith(Code::kTimedOut, HasSubstr("nvme1")));
  assignment_.listen = [this]() -> base::Result<sysfs::Waiter> {
    return sysfs::Waiter([this](const std::function<bool()>& ready, std::chrono::milliseconds) {
      world_.tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/state", "live\n");
      return ready();
    });
  };
  EXPECT_THAT(session.AwaitDrive(), IsOk());
}

TEST_F(SessionTest, DroppedRecordsCanBePutBack) {
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "1"), IsOk());
  Session session(host_, kCard);
  ASSERT_THAT(session.Lock(1), IsOk());
  const auto pf = session.Read();
  ASSERT_THAT(session.BindAll(*pf), IsOk());
  const auto address = pf->functions[0].device.address;
  ASSERT_TRUE(world_.journal().Find(address).value());
  ASSERT_THAT(session.DropRecords(pf->functions), IsOk());
  EXPECT_FALSE(world_.journal().Find(address).value());
  session.PutBackRecords();
  EXPECT_TRUE(world_.journal().Find(address).value());
}

}  // namespace
}  // namespace sriov
