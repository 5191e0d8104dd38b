#include "vmm/assigned/hardware.h"

#include <gmock/gmock.h>

#include "tests/support/fake_endpoint.h"

namespace vmm::assigned {
namespace {

class HardwareTest : public testing::Test {
 protected:
  HardwareTest() { test::MakeEndpoint(fake); }

  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake;
};

TEST_F(HardwareTest, WhatIsNotThereReadsAllOnes) {
  Hardware hardware(std::move(*fake.Open(kernel)));
  EXPECT_EQ(hardware.ReadConfig(4095, Width::k4), 0xffffffffu);
  EXPECT_EQ(hardware.ReadBar(5, 0, Width::k8), ~uint64_t{0});
  EXPECT_EQ(hardware.ReadBar(0, 0x10000, Width::k1), 0xffu);
  hardware.WriteBar(0, 0xffff, Width::k2, 0x1234);
  hardware.WriteConfig(4094, Width::k4, 0);
  EXPECT_EQ(fake.RegionBytes(0, 0xffff, 1)[0], std::byte{0});
}

TEST_F(HardwareTest, AccessesCarryTheirWidth) {
  Hardware hardware(std::move(*fake.Open(kernel)));
  hardware.WriteBar(0, 8, Width::k8, 0x1122334455667788);
  EXPECT_EQ(hardware.ReadBar(0, 8, Width::k8), 0x1122334455667788u);
  EXPECT_EQ(hardware.ReadBar(0, 9, Width::k2), 0x6677u);
  hardware.WriteConfig(0x0c, Width::k1, 0xabcd);
  EXPECT_EQ(fake.ConfigValue(0x0c, 2), 0x00cdu);
  EXPECT_EQ(hardware.ReadConfig(0, Width::k4), 0x10fb8086u);
}

}  // namespace
}  // namespace vmm::assigned
