#include "vmm/device_reset.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/fake_vfio_host.h"
#include "tests/support/matchers.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr sysfs::PciAddress kIntel{0, 5, 1, 0};
constexpr sysfs::PciAddress kRealtek{0, 5, 2, 0};

// Two cards on one bus, without a reset of their own, in one group; by groups or by device files.
class DeviceResetTest : public testing::TestWithParam<vfio::Backend> {
 protected:
  DeviceResetTest() {
    const bool by_number = GetParam() == vfio::Backend::kIommufd;
    for (test::FakeVfioDevice* fake : {&intel_, &realtek_}) {
      host_.Add(*fake, 18);
      fake->SetConfigValue(0, 0x100e8086, 4);
      fake->SetResettable(false);
      fake->SetHotReset({{kIntel, by_number ? 1u : 18u}, {kRealtek, by_number ? 2u : 18u}},
                        by_number);
    }
    space_ = std::move(*vfio::OpenSpace(kernel_, tree_, GetParam()));
  }
  void Open(test::FakeVfioDevice& fake) {
    ASSERT_THAT(space_->Claim(fake.address(), [](int) -> base::Status { return {}; }), IsOk());
    auto fd = space_->OpenDevice(fake.address());
    ASSERT_THAT(fd, IsOk());
    auto device = vfio::Device::Create(kernel_, fake.address(), std::move(*fd));
    ASSERT_THAT(device, IsOk());
    devices_.push_back(std::move(*assigned::AssignedDevice::Create(std::move(*device))));
  }
  std::vector<LostDevice> Reset() { return ResetOf(devices_); }
  std::vector<LostDevice> ResetOf(const AssignedDevices& devices) {
    return PerformReset(PrepareReset(tree_, *space_, devices, devices_), log_);
  }
  unsigned HotResets() const { return intel_.hot_resets() + realtek_.hot_resets(); }

  test::ScriptedKernel kernel_;
  test::FakeTree tree_;
  test::FakeVfioDevice intel_{kIntel};
  test::FakeVfioDevice realtek_{kRealtek};
  test::FakeVfioHost host_{kernel_, tree_, GetParam() == vfio::Backend::kIommufd};
  std::unique_ptr<vfio::DmaSpace> space_;
  AssignedDevices devices_;
  base::Limited log_;
};

TEST_P(DeviceResetTest, ASetIsResetOnceAndWithItsProof) {
  Open(intel_);
  Open(realtek_);
  EXPECT_THAT(Reset(), IsEmpty());
  EXPECT_EQ(HotResets(), 1u);
  EXPECT_EQ(intel_.hot_groups(), GetParam() == vfio::Backend::kType1 ? 1u : 0u);
  EXPECT_EQ(intel_.resets() + realtek_.resets(), 0u);
}

TEST_P(DeviceResetTest, AMemberWithAResetOfItsOwnHasItWhenTheSetCannotBeReset) {
  realtek_.SetResettable(true);
  Open(intel_);
  Open(realtek_);
  intel_.SetConfigValue(0, 0xffffffff, 4);  // the leader is gone
  intel_.SetConfigValue(4, 0xffffffff, 4);
  EXPECT_THAT(Reset(), SizeIs(1));
  EXPECT_EQ(HotResets(), 0u);
  EXPECT_EQ(realtek_.resets(), 1u);
}

TEST_P(DeviceResetTest, OneCardOfTwoIsNotResetWithTheOther) {
  Open(intel_);
  Open(realtek_);
  const AssignedDevices one = {devices_[0]};
  EXPECT_THAT(ResetOf(one), IsEmpty());
  EXPECT_EQ(HotResets(), 0u);
  const auto scopes = PlanDeviceResets(tree_, one, devices_);
  EXPECT_EQ(scopes.front().kind, vfio::ResetKind::kNone);
}

TEST_P(DeviceResetTest, AnIdleCardGoesWithOurs) {
  Open(intel_);
  EXPECT_THAT(Reset(), IsEmpty());
  EXPECT_EQ(HotResets(), 1u);
}

TEST_P(DeviceResetTest, ACardThatIsLostIsNamed) {
  Open(intel_);
  Open(realtek_);
  intel_.OnReset([this] { realtek_.SetConfigValue(0, 0xffffffff, 4); });
  const auto lost = Reset();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost.front().address, kRealtek);
  EXPECT_THAT(lost.front().why.message(), HasSubstr("together with 0000:05:01.0"));
  EXPECT_THAT(lost.front().why.message(), HasSubstr("does not answer"));
}

TEST_P(DeviceResetTest, WhatWasGoneBeforeIsNotWaitedFor) {
  Open(intel_);
  Open(realtek_);
  intel_.SetConfigValue(0, 0xffffffff, 4);
  const auto lost = Reset();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost.front().address, kIntel);
  EXPECT_EQ(HotResets(), 0u);
}

TEST_P(DeviceResetTest, AFailedResetOfWhatAnswersEndsNothing) {
  intel_.SetResettable(true);
  tree_.AddFile("/sys/bus/pci/devices/0000:05:01.0/reset_method", "flr\n");
  Open(intel_);
  EXPECT_THAT(Reset(), IsEmpty());
  EXPECT_EQ(intel_.resets(), 1u);
  intel_.Fail("VFIO_DEVICE_RESET", ENOTTY);
  EXPECT_THAT(Reset(), IsEmpty());
  intel_.SetConfigValue(4, 0xffffffff, 4);
  const auto lost = Reset();
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_THAT(lost.front().why.message(), HasSubstr("did not answer before"));
  EXPECT_EQ(kernel_.count("VFIO_DEVICE_RESET"), 2u);  // it was not waited for
}

TEST_P(DeviceResetTest, WhatTheKernelDoesNotTellIsNoReset) {
  Open(intel_);
  intel_.Fail("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", EIO);
  EXPECT_THAT(Reset(), IsEmpty());
  EXPECT_EQ(HotResets(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Backends, DeviceResetTest,
                         testing::Values(vfio::Backend::kIommufd, vfio::Backend::kType1));

}  // namespace
}  // namespace vmm
