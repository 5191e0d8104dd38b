#include "vmm/pci/msi.h"

#include <gmock/gmock.h>

#include "vmm/pci/registers.h"

namespace vmm::pci {
namespace {

constexpr uint16_t kAt = 0x50;

TEST(IsRoutable, OnlyInterruptAddresses) {
  EXPECT_TRUE(IsRoutable({0xfee00000, 0}));
  EXPECT_TRUE(IsRoutable({0xfeeff00c, 0xffffffff}));
  EXPECT_TRUE(IsRoutable({0x0000'0100'fee00000, 0}));
  EXPECT_FALSE(IsRoutable({0, 0}));
  EXPECT_FALSE(IsRoutable({0xfed00000, 0}));
  EXPECT_FALSE(IsRoutable({0x0000'0001'fee00000, 0}));  // KVM would refuse the whole table
}

TEST(ParseMsi, KnowsTheFourForms) {
  struct Case {
    uint16_t control;
    bool wide, maskable;
    unsigned vectors;
    uint16_t size;
  };
  for (const Case& c : {Case{0x0000, false, false, 1, 0x0a}, Case{0x0080, true, false, 1, 0x0e},
                        Case{0x0106, false, true, 8, 0x14}, Case{0x018a, true, true, 32, 0x18},
                        Case{0x018e, true, true, 32, 0x18}}) {  // 7 is reserved
    const MsiLayout layout = ParseMsi(kAt, c.control);
    EXPECT_EQ(layout, (MsiLayout{kAt, c.wide, c.maskable, c.vectors})) << c.control;
    EXPECT_EQ(layout.size(), c.size);
  }
}

TEST(OwnMsi, PresentsTheSameFormAsAfterReset) {
  for (const unsigned control : {0x0000u, 0x0080u, 0x0106u, 0x018au}) {
    ConfigSpace config(kConfigSize);
    OwnMsi(config, ParseMsi(kAt, static_cast<uint16_t>(control | 0x71)));
    EXPECT_EQ(config.Shadow(kAt + 2, Width::k2), control);
    EXPECT_FALSE(config.FullyOwned(kAt, Width::k2));  // header is the chain's
  }
}

TEST(Msi, ReadsWhatTheGuestWrote) {
  ConfigSpace config(kConfigSize);
  const MsiLayout layout = ParseMsi(kAt, 0x0186);  // wide, maskable, 8 vectors
  OwnMsi(config, layout);
  config.Write(kAt + 4, Width::k4, 0xfee01003);
  config.Write(kAt + 8, Width::k4, 2);
  config.Write(kAt + 12, Width::k2, 0x4325);
  config.Write(kAt + 16, Width::k4, 0xffffff02);
  config.Write(kAt + 20, Width::k4, 0xffffffff);
  config.Write(kAt + 2, Width::k2, 0x0021);
  const Msi msi(config, layout);
  EXPECT_TRUE(msi.enabled());
  EXPECT_EQ(msi.vectors(), 4u);
  EXPECT_EQ(msi.Message(2), (kvm::MsiMessage{0x2'fee01000, 0x4326}));
  EXPECT_TRUE(msi.Masked(1));
  EXPECT_FALSE(msi.Masked(0));
  EXPECT_EQ(config.Shadow(kAt + 16, Width::k4), 2u);
  EXPECT_EQ(config.Shadow(kAt + 20, Width::k4), 0u);  // pending bits are read-only
}

TEST(Msi, GrantsNoMoreThanThereAre) {
  ConfigSpace config(kConfigSize);
  const MsiLayout layout = ParseMsi(kAt, 0x0004);  // 4 vectors
  OwnMsi(config, layout);
  config.Write(kAt + 2, Width::k2, 0x0071);
  EXPECT_EQ(Msi(config, layout).vectors(), 4u);
  EXPECT_FALSE(Msi(config, layout).Masked(3));
}

TEST(MsiPending, SetsAndClears) {
  ConfigSpace config(kConfigSize);
  const MsiLayout layout = ParseMsi(kAt, 0x0104);
  OwnMsi(config, layout);
  SetMsiPending(config, layout, 3, true);
  EXPECT_EQ(config.Shadow(layout.pending_offset(), Width::k4), 8u);
  EXPECT_TRUE(MsiPending(config, layout, 3));
  SetMsiPending(config, layout, 3, false);
  EXPECT_FALSE(MsiPending(config, layout, 3));
}

TEST(Msi, CapabilityAtTheEndOfTheSpaceStaysInside) {
  ConfigSpace config(kConfigSize);
  const MsiLayout layout = ParseMsi(0xfc, 0x018a);
  OwnMsi(config, layout);
  config.Write(0xfc, Width::k4, 0xffffffff);
  const Msi msi(config, layout);
  EXPECT_TRUE(msi.enabled());
  for (unsigned v = 0; v < 32; ++v) msi.Message(v);
}

}  // namespace
}  // namespace vmm::pci
