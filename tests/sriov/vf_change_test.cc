#include <gtest/gtest.h>

#include <cerrno>

#include "sriov/change.h"
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
using testing::IsEmpty;

class SetVfTest : public testing::Test {
 protected:
  SetVfTest() : assignment_(world_.Assignment()), host_(world_.Host(assignment_)) {
    EXPECT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "2"), IsOk());
    world_.ForgetSteps();
  }
  static VfRequest Everything() {
    VfRequest request;
    request.pf = kCard;
    request.index = 1;
    request.attributes.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
    request.attributes.vlan = Vlan{7, 3};
    request.attributes.trust = true;
    request.attributes.spoof_check = false;
    request.attributes.link = LinkState::kDisable;
    request.min_rate = 10;
    request.max_rate = 100;
    return request;
  }
  test::SriovWorld world_;
  sysfs::AssignmentHost assignment_;
  Host host_;
};

TEST_F(SetVfTest, SetsAllAndThenNothing) {
  const auto first = SetVf(host_, Everything());
  ASSERT_THAT(first, IsOk());
  EXPECT_TRUE(first->changed);
  EXPECT_EQ(Format(world_.attributes()[1]),
            "mac 02:00:00:00:00:01 vlan 7 qos 3 trust on spoofchk off max_tx_rate 100 min_tx_rate "
            "10 state disable");
  world_.ForgetSteps();
  const auto second = SetVf(host_, Everything());
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->changed);
  EXPECT_EQ(world_.steps(), 0u);
}

TEST_F(SetVfTest, RestorePutsTheFormerValuesBack) {
  const std::string before = world_.Digest();
  ASSERT_THAT(SetVf(host_, Everything()), IsOk());
  ASSERT_THAT(Restore(host_, kCard), IsOk());
  EXPECT_EQ(world_.Digest(), before);
}

TEST_F(SetVfTest, AnyFailureIsUndone) {
  const std::string before = world_.Digest();
  for (size_t step = 1; step <= 6; ++step) {
    world_.ForgetSteps();
    world_.FailStep(step, EIO);
    const auto result = SetVf(host_, Everything());
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message(), HasSubstr("put back"));
    EXPECT_EQ(world_.Digest(), before) << step;
  }
}

TEST_F(SetVfTest, RestoreRecoversFromEveryPrefix) {
  const std::string before = world_.Digest();
  for (size_t step = 1; step <= 6; ++step) {
    world_.ForgetSteps();
    world_.KillAt(step);
    bool killed = false;
    try {
      (void)SetVf(host_, Everything());
    } catch (const test::SriovWorld::Killed&) {
      killed = true;
    }
    EXPECT_TRUE(killed) << step;
    world_.ForgetSteps();
    ASSERT_THAT(Restore(host_, kCard), IsOk()) << step;
    EXPECT_EQ(world_.Digest(), before) << step;
  }
}

// igb has neither a least rate nor a link state.
TEST_F(SetVfTest, WhatTheCardCannotIsUnsupported) {
  const std::string before = world_.Digest();
  world_.card_refuses = [](const VfAttributes& change) { return change.link ? EOPNOTSUPP : 0; };
  EXPECT_THAT(SetVf(host_, Everything()),
              FailsWith(Code::kUnsupported, HasSubstr("state disable")));
  EXPECT_EQ(world_.Digest(), before);
}

TEST_F(SetVfTest, OneRateKeepsTheOther) {
  world_.attributes()[1].rates = Rates{10, 100};
  VfRequest request = {kCard, 1, {}, {}, 200, {}};
  ASSERT_THAT(SetVf(host_, request), IsOk());
  EXPECT_EQ(world_.attributes()[1].rates, (Rates{10, 200}));
  request.max_rate = 5;
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kUsage, HasSubstr("above")));
}

TEST_F(SetVfTest, BadRequestsAreRefused) {
  VfRequest request = Everything();
  request.index = 2;
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kNotFound, HasSubstr("there are 2")));
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:08:00.0/sriov_numvfs", "1"), IsOk());
  request.pf = kSriovDrive;
  request.index = 0;
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kUnsupported, HasSubstr("network")));
}

TEST_F(SetVfTest, NewAddressOfARunningDriverIsSaid) {
  EXPECT_THAT(SetVf(host_, Everything())->notes.front(), HasSubstr("igbvf"));
}

// The devices of the lab have no vectors to share.
TEST_F(SetVfTest, MsixCountNeedsAWillingDriverAndNoDriverOfItsOwn) {
  VfRequest request = {kCard, 0, {}, {}, {}, 8};
  const std::string path = "/sys/bus/pci/devices/0000:03:10.0";
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kUnsupported));
  world_.tree().AddFile(path + "/sriov_vf_msix_count", "");
  const std::string total = "/sys/bus/pci/devices/0000:03:00.0/sriov_vf_total_msix";
  world_.tree().AddFile(total, "0\n");
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kUnsupported));
  world_.tree().AddFile(total, "16\n");
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kInUse, HasSubstr("igbvf")));
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/drivers/igbvf/unbind", "0000:03:10.0"), IsOk());
  ASSERT_THAT(SetVf(host_, request), IsOk());
  EXPECT_EQ(*world_.tree().Read(path + "/sriov_vf_msix_count"), "8");
  request.msix_count = 17;
  EXPECT_THAT(SetVf(host_, request), FailsWith(Code::kUsage, HasSubstr("(16)")));
}

TEST_F(SetVfTest, PlanWritesNothing) {
  const auto plan = PlanVf(host_, Everything());
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->steps.size(), 6u);
  EXPECT_EQ(world_.steps(), 0u);
  EXPECT_THAT(ListRecords(world_.journal()), IsEmpty());
}

}  // namespace
}  // namespace sriov
