#include "vmm/assigned/config.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/fake_endpoint.h"
#include "vmm/assigned/bars.h"
#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace header = sysfs::registers::header;

constexpr RegionSizes kSizes = {0x10000, 0, 0x2000, 0, 32, 0};

class PlanConfigTest : public testing::Test {
 protected:
  PlanConfigTest() { test::MakeEndpoint(fake); }

  ConfigPlan Plan(unsigned msi = 8, unsigned msix = 16) {
    config = fake.Config(0, 4096);
    bars = ParseBars(config, kSizes);
    return PlanConfig({config, bars, msi, msix});
  }
  // What the guest reads when the hardware still has the bytes that were planned with.
  uint32_t Seen(const ConfigPlan& plan, uint16_t offset, Width width) {
    const uint32_t hardware = fake.ConfigValue(offset, static_cast<unsigned>(width));
    return plan.space.Read(offset, width, hardware);
  }

  test::FakeVfioDevice fake;
  std::vector<std::byte> config;
  std::vector<pci::BarInfo> bars;
};

TEST_F(PlanConfigTest, ADeviceThatDoesNotAnswerHasNoCapabilities) {
  config.assign(4096, std::byte{0xff});
  const ConfigPlan plan = PlanConfig({config, {}, 8, 16});
  EXPECT_FALSE(plan.msi || plan.msix);
  EXPECT_EQ(plan.space.Read(header::kCapabilities, Width::k1, 0xff), 0u);
  EXPECT_EQ(plan.space.Read(header::kVendor, Width::k4, 0xffffffff), 0xffffffffu);
}

TEST_F(PlanConfigTest, HeaderIsOfTheGuestsOwnBus) {
  const ConfigPlan plan = Plan();
  EXPECT_EQ(Seen(plan, 0x00, Width::k4), 0x10fb8086u);
  EXPECT_EQ(Seen(plan, header::kCommand, Width::k2), 0u);
  EXPECT_EQ(Seen(plan, header::kStatus, Width::k2), 0x0010u);
  EXPECT_EQ(Seen(plan, header::kType, Width::k1), 0u);
  EXPECT_EQ(Seen(plan, 0x10, Width::k4), 0xcu);
  EXPECT_EQ(Seen(plan, 0x14, Width::k4), 0u);
  EXPECT_EQ(Seen(plan, 0x18, Width::k4), 0x8u);
  EXPECT_EQ(Seen(plan, 0x20, Width::k4), 0x1u);
  EXPECT_EQ(Seen(plan, header::kRom, Width::k4), 0u);
  EXPECT_EQ(Seen(plan, header::kInterruptLine, Width::k2), 0u);
  EXPECT_FALSE(plan.without_interrupts);
}

TEST_F(PlanConfigTest, CommandBarsAndInterruptRegistersNeverReachTheHardware) {
  ConfigPlan plan = Plan();
  for (const int at : {0x04, 0x05, 0x0e, 0x0f, 0x10, 0x27, 0x28, 0x30, 0x33, 0x34, 0x3c,
                       0x3d, 0x44, 0x52, 0x54, 0x5c, 0x60, 0x64, 0x72, 0x80, 0xb2, 0xb4}) {
    EXPECT_EQ(plan.space.Write(static_cast<uint16_t>(at), Width::k1, 0xff).to_hardware, 0) << at;
  }
  for (const int at : {0x0c, 0x78, 0x79, 0x98, 0x104, 0x1a4}) {
    EXPECT_EQ(plan.space.Write(static_cast<uint16_t>(at), Width::k1, 0xff).to_hardware, 1) << at;
  }
}

TEST_F(PlanConfigTest, MsiAndMsixAreEmulated) {
  const ConfigPlan plan = Plan();
  EXPECT_EQ(plan.msi, (pci::MsiLayout{test::kMsiAt, true, true, 8}));
  EXPECT_EQ(plan.msix, (MsixLayout{test::kMsixAt, 16, 0, test::kTableAt, 0, test::kPendingAt}));
  EXPECT_EQ(Seen(plan, test::kMsixAt, Width::k4), 0x000f0011u);
  EXPECT_EQ(Seen(plan, test::kMsixAt + 4, Width::k4), 0x2000u);
  EXPECT_EQ(Seen(plan, test::kMsiAt, Width::k4), 0x01867005u);
}

TEST_F(PlanConfigTest, TheLinkIsGoneOnBusZero) {
  const ConfigPlan plan = Plan();
  EXPECT_EQ(Seen(plan, test::kExpressAt, Width::k4), 0x0092b010u);
  EXPECT_EQ(Seen(plan, test::kExpressAt + 0x04, Width::k4), 0x10008cc2u);
  EXPECT_EQ(Seen(plan, test::kExpressAt + 0x0c, Width::k4), 0u);
  EXPECT_EQ(Seen(plan, test::kExpressAt + 0x10, Width::k4), 0u);
}

TEST_F(PlanConfigTest, AnOldExpressCapabilityEndsBeforeItsNeighbour) {
  fake.SetConfigValue(test::kExpressAt + 2, 0x0001, 2);
  fake.SetConfigValue(test::kExpressAt + 0x14, 0x12345678, 4);
  const ConfigPlan plan = Plan();
  EXPECT_EQ(Seen(plan, test::kExpressAt + 0x10, Width::k4), 0u);
  EXPECT_EQ(Seen(plan, test::kExpressAt + 0x14, Width::k4), 0x12345678u);
}

TEST_F(PlanConfigTest, PowerStateIsTheGuestsAlone) {
  ConfigPlan plan = Plan();
  EXPECT_EQ(Seen(plan, test::kPowerAt + 4, Width::k4), 0x8u);
  EXPECT_EQ(plan.space.Write(test::kPowerAt + 4, Width::k4, 0xffffffff).to_hardware, 0);
  EXPECT_EQ(Seen(plan, test::kPowerAt + 4, Width::k4), 0xbu);
}

TEST_F(PlanConfigTest, ExtendedCapabilitiesAreUnlinked) {
  const ConfigPlan plan = Plan();
  EXPECT_THAT(plan.hidden, ElementsAre(HiddenCapability{0x0e, 0x140, true},
                                       HiddenCapability{0x10, 0x150, true}));
  EXPECT_EQ(Seen(plan, 0x100, Width::k4), 0x1a010001u);
  EXPECT_EQ(Seen(plan, 0x150, Width::k4), 0u);
  EXPECT_EQ(Seen(plan, 0x1a0, Width::k4), 0x0001000bu);
}

TEST_F(PlanConfigTest, CapabilitiesThatTheHostCannotServeAreHidden) {
  const ConfigPlan plan = Plan(0, 0);
  EXPECT_FALSE(plan.msi || plan.msix);
  EXPECT_TRUE(plan.without_interrupts);
  EXPECT_EQ(Seen(plan, test::kPowerAt + 1, Width::k1), unsigned{test::kExpressAt});
  EXPECT_EQ(Seen(plan, test::kExpressAt + 1, Width::k1), 0u);
}

TEST_F(PlanConfigTest, AnMsixTableOutsideOfItsBarIsHidden) {
  struct Case {
    uint32_t table, pending;
  };
  for (const Case& c : {Case{0xff08, test::kPendingAt}, Case{0x2001, test::kPendingAt},
                        Case{0x2004, test::kPendingAt}, Case{0x2007, test::kPendingAt},
                        Case{test::kTableAt, 0xfffffff8}, Case{test::kTableAt, 0x2008},
                        Case{test::kTableAt, 0x0003}}) {
    fake.SetConfigValue(test::kMsixAt + 4, c.table, 4);
    fake.SetConfigValue(test::kMsixAt + 8, c.pending, 4);
    EXPECT_FALSE(Plan().msix) << c.table << " " << c.pending;
  }
}

TEST_F(PlanConfigTest, ResetsAreThoseThatTheDeviceHas) {
  EXPECT_THAT(Plan().resets, ElementsAre(ResetBits{test::kExpressAt + 9, 0x80}));
  fake.SetConfigValue(test::kExpressAt + 4, 0x00008cc2, 4);
  EXPECT_THAT(Plan().resets, IsEmpty());
  constexpr uint16_t kAdvancedAt = 0xc0;
  fake.SetConfigValue(test::kMsixAt + 1, kAdvancedAt, 1);
  for (const uint32_t able : {0u, 1u, 2u, 3u}) {
    fake.SetConfigValue(kAdvancedAt, 0x06'0013 | able << 24, 4);
    const std::vector<ResetBits> both = {{kAdvancedAt + 4, 1}};
    EXPECT_EQ(Plan().resets, able == 3 ? both : std::vector<ResetBits>()) << able;
  }
}

TEST_F(PlanConfigTest, AResetIsInitiatedByItsBitInAnyAccess) {
  ConfigPlan plan = Plan();
  const auto initiates = [&](unsigned offset, Width width, uint32_t value) {
    const auto at = static_cast<uint16_t>(test::kExpressAt + offset);
    return InitiatesReset(plan, at, plan.space.Write(at, width, value));
  };
  EXPECT_TRUE(initiates(8, Width::k2, 0x8000));
  EXPECT_TRUE(initiates(8, Width::k4, 0x0000a810));
  EXPECT_TRUE(initiates(9, Width::k1, 0xff));
  EXPECT_TRUE(initiates(7, Width::k4, 0x00800000));
  EXPECT_TRUE(initiates(6, Width::k4, 0x80000000));
  EXPECT_FALSE(initiates(8, Width::k2, 0x7fff));
  EXPECT_FALSE(initiates(8, Width::k1, 0xff));
  EXPECT_FALSE(initiates(10, Width::k4, 0xffffffff));
  EXPECT_FALSE(initiates(5, Width::k4, 0xffffffff));
  EXPECT_FALSE(initiates(0x28, Width::k4, 0xffffffff));
}

TEST_F(PlanConfigTest, ConventionalDevicesHave256Bytes) {
  config = fake.Config(0, 256);
  const ConfigPlan plan = PlanConfig({config, {}, 8, 16});
  EXPECT_EQ(plan.space.size(), 256);
  EXPECT_THAT(plan.hidden, ElementsAre(HiddenCapability{0x11, test::kMsixAt, false}));
}

// Whatever a device says, both lists that the guest walks end, and BARs and command stay ours.
TEST(PlanConfig, RandomBytesGiveFiniteLists) {
  std::mt19937 random(5);
  for (unsigned round = 0; round < 2000; ++round) {
    std::vector<std::byte> config(round % 3 == 0 ? 256 : 4096);
    for (std::byte& byte : config) {
      byte = static_cast<std::byte>(random() % 3 == 0 ? random() % 32 * 4 : random() & 0xff);
    }
    config[header::kStatus] |= std::byte{0x10};
    const std::vector<pci::BarInfo> bars = ParseBars(config, {4096, 0x10000, 32, 1u << 20, 7, 64});
    ConfigPlan plan = PlanConfig({config, bars, 32, 2048});
    std::vector<std::byte> seen(config.size());
    for (size_t i = 0; i < seen.size(); ++i) {
      const auto hardware = std::to_integer<uint32_t>(config[i]);
      const auto offset = static_cast<uint16_t>(i);
      seen[i] = static_cast<std::byte>(plan.space.Read(offset, Width::k1, hardware));
    }
    unsigned at = std::to_integer<unsigned>(seen[header::kCapabilities]), steps = 0;
    while (at != 0 && ++steps < 100) at = std::to_integer<unsigned>(seen[at + 1]);
    ASSERT_LT(steps, 100u);
    if (seen.size() > 256) {
      at = 0x100;
      for (steps = 0; at != 0 && ++steps < 2000;) {
        at = base::LoadLe<uint32_t>(seen, at) >> 20;
      }
      ASSERT_LT(steps, 2000u);
    }
    for (uint16_t i = header::kBar0; i < pci::kBarsEnd; ++i) {
      ASSERT_EQ(plan.space.Write(i, Width::k1, 0xff).to_hardware, 0);
    }
  }
}

}  // namespace
}  // namespace vmm::assigned
