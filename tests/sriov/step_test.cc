#include "sriov/step.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

class StepTest : public testing::Test {
 protected:
  StepTest() {
    EXPECT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "1"), IsOk());
    world_.ForgetSteps();
  }
  base::Status Run(const Steps& steps) {
    Doer doer = {world_.tree(), options_, &world_, nullptr};
    return Perform(doer, steps);
  }
  static Step Trust(bool on) {
    VfAttributes attributes;
    attributes.trust = on;
    return LinkChange{"eth3", 0, attributes, "as asked for"};
  }
  static Step Autoprobe() {
    return sysfs::Change{{"/sys/bus/pci/devices/0000:03:00.0/sriov_drivers_autoprobe", "0"},
                         "keep drivers off"};
  }
  test::SriovWorld world_;
  sysfs::ApplyOptions options_;
};

TEST_F(StepTest, EachKindIsDone) {
  ASSERT_THAT(Run({Autoprobe(), Trust(true)}), IsOk());
  EXPECT_EQ(world_.steps(), 2u);
  EXPECT_EQ(world_.attributes()[0].trust, true);
}

TEST_F(StepTest, NoneReachesAnotherCard) {
  auto card = *sysfs::ReadDevice(world_.tree(), test::kCard);
  Doer doer = {world_.tree(), options_, &world_, nullptr, &card};
  EXPECT_THAT(Perform(doer, {Trust(true)}), IsOk());
  card.subsystem_device ^= 1;
  EXPECT_THAT(Perform(doer, {Trust(false)}), FailsWith(Code::kNotFound, HasSubstr("another card")));
  EXPECT_EQ(world_.attributes()[0].trust, true);
}

TEST_F(StepTest, StopsAtTheFirstFailure) {
  world_.FailStep(1, EIO);
  EXPECT_FALSE(Run({Autoprobe(), Trust(true)}).has_value());
  EXPECT_EQ(world_.attributes()[0].trust, false);
}

TEST_F(StepTest, RefusedAttributesAreNamed) {
  world_.card_refuses = [](const VfAttributes&) { return EOPNOTSUPP; };
  EXPECT_THAT(Run({Trust(true)}), FailsWith(Code::kUnsupported, HasSubstr("trust on")));
  world_.card_refuses = [](const VfAttributes&) { return EINVAL; };
  EXPECT_THAT(Run({Trust(true)}), FailsWith(Code::kKernel, HasSubstr("refuses this value")));
  world_.card_refuses = [](const VfAttributes&) { return EPERM; };
  EXPECT_THAT(Run({Trust(true)}), FailsWith(Code::kDenied));
}

TEST_F(StepTest, WithoutAWayItIsOurMistake) {
  Doer doer = {world_.tree(), options_, nullptr, nullptr};
  EXPECT_THAT(Perform(doer, {Trust(true)}), FailsWith(Code::kInternal));
  EXPECT_THAT(Perform(doer, {NvmeChange{"nvme1", {}, "set it online"}}),
              FailsWith(Code::kInternal));
}

TEST_F(StepTest, PrintsWhatAPersonWouldType) {
  EXPECT_EQ(
      Format({Autoprobe(), Trust(true),
              NvmeChange{
                  "nvme1", {NvmeAction::kOnline, 2, NvmeResource::kQueues, 0}, "set it online"}}),
      "echo 0 > /sys/bus/pci/devices/0000:03:00.0/sriov_drivers_autoprobe"
      "  # keep drivers off\n"
      "ip link set eth3 vf 0 trust on  # as asked for\n"
      "nvme virt-mgmt /dev/nvme1 -c 2 -a 9  # set it online\n");
}

}  // namespace
}  // namespace sriov
