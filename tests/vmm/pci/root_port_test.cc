#include "vmm/pci/root_port.h"

#include <gmock/gmock.h>

#include "sysfs/capability.h"
#include "tests/support/fake_router.h"
#include "tests/support/matchers.h"
#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr uint16_t kSlotControl = 0x40 + 0x18;
constexpr uint16_t kSlotStatus = 0x40 + 0x1a;
constexpr uint16_t kMsi = 0x80;
constexpr uint32_t kAllEvents = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 12;
constexpr uint32_t kPowerOff = 1 << 10;

class RootPortTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(port.Connect(router), test::IsOk()); }
  void EnableMsi() {
    port.WriteConfig(kMsi + 4, Width::k4, 0xfee01000);
    port.WriteConfig(kMsi + 12, Width::k2, 0x41);
    port.WriteConfig(kMsi + 2, Width::k2, 1);
  }
  uint32_t Status() { return port.ReadConfig(kSlotStatus, Width::k2); }

  test::FakeRouter router;
  RootPort port{3};
};

TEST_F(RootPortTest, IsABridgeWithASlot) {
  EXPECT_EQ(port.ReadConfig(header::kType, Width::k1), 1u);
  EXPECT_EQ(port.ReadConfig(8, Width::k4), 0x06040000u);
  EXPECT_EQ(port.secondary_bus(), 3);
  EXPECT_EQ(port.ReadConfig(0x42, Width::k2), 0x0142u);  // root port, version 2, slot
  EXPECT_EQ(port.ReadConfig(0x40 + 0x14, Width::k4) >> 19, 3u);
  EXPECT_EQ(port.ReadConfig(0x100, Width::k4), 0u);
  std::vector<std::byte> config(kConfigSize);
  for (uint16_t i = 0; i < kConfigSize; ++i)
    config[i] = static_cast<std::byte>(port.ReadConfig(i, Width::k1));
  EXPECT_THAT(sysfs::ListCapabilities(config), SizeIs(3));
}

TEST_F(RootPortTest, TheGuestNumbersItsBus) {
  port.WriteConfig(0x18, Width::k4, 0x00070700);
  EXPECT_EQ(port.secondary_bus(), 7);
}

TEST_F(RootPortTest, WindowsStandInTheRegisters) {
  const PortWindows windows = {
      {0xc0000000, 2 * base::kMiB}, {0x1000000000, base::kGiB}, {0xc000, 0x1000}};
  port.SetWindows(windows);
  EXPECT_EQ(port.windows(), windows);
  EXPECT_EQ(port.ReadConfig(0x20, Width::k4), 0xc010c000u);
  EXPECT_EQ(port.ReadConfig(0x24, Width::k4), 0x3ff10001u);
  EXPECT_EQ(port.ReadConfig(0x28, Width::k4), 0x10u);
  EXPECT_EQ(port.ReadConfig(0x2c, Width::k4), 0x10u);
  EXPECT_EQ(port.ReadConfig(0x1c, Width::k2), 0xc0c0u);
  port.SetWindows({});
  EXPECT_EQ(port.windows(), PortWindows());
  EXPECT_GT(port.ReadConfig(0x20, Width::k2), port.ReadConfig(0x22, Width::k2));
  EXPECT_GT(port.ReadConfig(0x24, Width::k2), port.ReadConfig(0x26, Width::k2));
}

TEST_F(RootPortTest, TellsOfACardOnce) {
  EnableMsi();
  port.WriteConfig(kSlotControl, Width::k2, kAllEvents | kPowerOff);
  EXPECT_THAT(router.signalled, IsEmpty());
  port.Insert({3, 4});
  ASSERT_THAT(router.signalled, SizeIs(1));
  EXPECT_EQ(router.signalled[0], (kvm::MsiMessage{0xfee01000, 0x41}));
  EXPECT_EQ(Status(), 0x148u);
  port.WriteConfig(kSlotStatus, Width::k2, 0x108);
  EXPECT_EQ(Status(), 0x40u);
  EXPECT_THAT(router.signalled, SizeIs(1));
  port.WriteConfig(kSlotControl, Width::k2, kAllEvents);
  EXPECT_TRUE(port.forwards());
  EXPECT_EQ(port.TakePower(), Slot::Power::kOn);
  EXPECT_EQ(port.ReadConfig(0x40 + 0x12, Width::k2), 0x2043u);  // active, x4 at 8 GT/s
}

TEST_F(RootPortTest, WhatCameBeforeMsiIsToldWithIt) {
  port.WriteConfig(kSlotControl, Width::k2, kAllEvents | kPowerOff);
  port.Insert({});
  EXPECT_THAT(router.signalled, IsEmpty());
  EnableMsi();
  EXPECT_THAT(router.signalled, SizeIs(1));
}

TEST_F(RootPortTest, ASecondaryBusResetIsSeenAtItsStart) {
  port.WriteConfig(0x3e, Width::k2, 0x40);
  EXPECT_TRUE(port.TakeReset());
  port.WriteConfig(0x3e, Width::k2, 0x40);
  port.WriteConfig(0x3e, Width::k2, 0);
  EXPECT_FALSE(port.TakeReset());
}

TEST_F(RootPortTest, ARebootLeavesTheCardAndNothingElse) {
  port.WriteConfig(kSlotControl, Width::k2, kAllEvents);
  port.Insert({});
  port.PressButton();
  ASSERT_THAT(port.Connect(router), test::IsOk());
  EXPECT_EQ(Status(), 0x40u);
  EXPECT_TRUE(port.forwards());
  EXPECT_EQ(port.secondary_bus(), 3);
}

}  // namespace
}  // namespace vmm::pci
