#include "sriov/await.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"

namespace sriov {
namespace {

using base::Code;
using std::chrono::milliseconds;
using test::FailsWith;
using test::IsOk;
using test::kCard;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Await : public testing::Test {
 protected:
  void Enable(const char* count) {
    ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", count),
                IsOk());
  }
  Watch StartWatch() {
    sysfs::AssignmentHost assignment = world_.Assignment();
    return *world_.Host(assignment).watch();
  }
  base::Status Run(unsigned count, const Watch& watch) {
    return AwaitFunctions(world_.tree(), kCard, count, watch, milliseconds(20),
                          [this](unsigned done, unsigned) { progress_.push_back(done); });
  }
  test::SriovWorld world_;
  std::vector<unsigned> progress_;
};

TEST(CountDeadline, GrowsWithTheNumberAndEnds) {
  EXPECT_EQ(CountDeadline(std::chrono::seconds(30), 0), std::chrono::seconds(30));
  EXPECT_EQ(CountDeadline(std::chrono::seconds(30), 64), std::chrono::seconds(94));
  EXPECT_EQ(CountDeadline(std::chrono::seconds(30), 60000), std::chrono::seconds(330));
}

TEST_F(Await, WithoutUdevTheLinksAreEnough) {
  Enable("2");
  EXPECT_THAT(Run(2, {}), IsOk());
  EXPECT_THAT(Run(3, {}), FailsWith(Code::kTimedOut, HasSubstr("of 3 virtual functions 2")));
}

TEST_F(Await, CountsWhatUdevAnnounces) {
  const Watch watch = StartWatch();
  Enable("3");
  EXPECT_THAT(Run(3, watch), IsOk());
  EXPECT_THAT(progress_, ElementsAre(1, 2, 3));
}

TEST_F(Await, SilentUdevTimesOut) {
  const Watch watch = StartWatch();
  world_.SilenceUdev();
  Enable("2");
  EXPECT_THAT(Run(2, watch),
              FailsWith(Code::kTimedOut,
                        AllOf(HasSubstr("2 are known to the kernel"), HasSubstr("0 to udev"))));
}

// A program that got no processor for as long as it meant to wait.
TEST_F(Await, WhatWasAnnouncedInTimeCountsAfterTheDeadline) {
  const Watch watch = StartWatch();
  Enable("3");
  EXPECT_THAT(AwaitFunctions(world_.tree(), kCard, 3, watch, milliseconds(0), {}), IsOk());
}

TEST_F(Await, OtherDevicesDoNotCount) {
  Enable("1");
  bool told = false;
  const Watch watch = [&](milliseconds) -> std::optional<sysfs::PciAddress> {
    if (std::exchange(told, true)) return std::nullopt;
    return sysfs::PciAddress{0, 0x44, 0, 0};
  };
  EXPECT_THAT(Run(1, watch), FailsWith(Code::kTimedOut));
}

}  // namespace
}  // namespace sriov
