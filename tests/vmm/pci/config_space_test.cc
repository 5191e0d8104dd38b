#include "vmm/pci/config_space.h"

#include <gmock/gmock.h>

#include <random>

namespace vmm::pci {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Width kWidths[] = {Width::k1, Width::k2, Width::k4};

TEST(ConfigSpace, BeyondTheEndIsAllOnesAndIgnoresWrites) {
  ConfigSpace space(256);
  EXPECT_EQ(space.Read(256, Width::k4, 0), 0xffffffffu);
  EXPECT_EQ(space.Read(254, Width::k4, 0x12345678), 0xffff5678u);
  EXPECT_EQ(space.Write(256, Width::k4, 0), WriteEffect{});
  EXPECT_EQ(space.Write(65535, Width::k4, 0), WriteEffect{});
  space.Own(254, Width::k4, 0x11223344);
  EXPECT_EQ(space.Read(254, Width::k2, 0), 0x3344u);
}

TEST(ConfigSpace, OwnedBytesComeFromTheShadow) {
  ConfigSpace space(256);
  space.Own(0x3c, Width::k2, 0x01ab, 0x00ff);
  EXPECT_EQ(space.Read(0x3c, Width::k4, 0xdeadbeef), 0xdead01abu);
  EXPECT_TRUE(space.FullyOwned(0x3c, Width::k2));
  EXPECT_FALSE(space.FullyOwned(0x3c, Width::k4));
}

TEST(ConfigSpace, WriteChangesOnlyWritableBitsAndForwardsTheRest) {
  ConfigSpace space(256);
  space.Own(0x3c, Width::k2, 0x01ab, 0x00ff);
  const WriteEffect effect = space.Write(0x3c, Width::k4, 0x99887766);
  EXPECT_EQ(effect, (WriteEffect{0x99880000, 0b1100, true}));
  EXPECT_EQ(space.Shadow(0x3c, Width::k2), 0x0166u);
}

TEST(ConfigSpace, WriteOneClears) {
  ConfigSpace space(256);
  space.Own(6, Width::k2, 0xf910, 0, 0xf900);
  EXPECT_TRUE(space.Write(6, Width::k2, 0x8010).changed);
  EXPECT_EQ(space.Shadow(6, Width::k2), 0x7910u);
  EXPECT_FALSE(space.Write(6, Width::k2, 0).changed);
}

TEST(ConfigSpace, OwnedBitsOfAMixedByteGoOutAsZero) {
  ConfigSpace space(256);
  space.OwnBits(0x0e, 0x80, 0x00);
  EXPECT_EQ(space.Read(0x0e, Width::k1, 0x81), 0x01u);
  EXPECT_EQ(space.Write(0x0e, Width::k1, 0xff), (WriteEffect{0x7f, 1, false}));
}

TEST(ConfigSpace, SizingReadsBackTheMask) {
  ConfigSpace space(256);
  space.Own(0x10, Width::k4, 0x4, 0xffffc000);
  space.Write(0x11, Width::k2, 0xffff);
  space.Write(0x13, Width::k1, 0xff);
  space.Write(0x10, Width::k1, 0xff);
  EXPECT_EQ(space.Shadow(0x10, Width::k4), 0xffffc004u);
}

TEST(SplitForHardware, UsesTheWidestNaturalAccesses) {
  EXPECT_THAT(SplitForHardware(0, {0, 0, true}), IsEmpty());
  EXPECT_THAT(SplitForHardware(4, {0x44332211, 0b1111, false}),
              ElementsAre(HardwareWrite{4, Width::k4, 0x44332211}));
  EXPECT_THAT(SplitForHardware(4, {0x44332200, 0b1110, false}),
              ElementsAre(HardwareWrite{5, Width::k1, 0x22}, HardwareWrite{6, Width::k2, 0x4433}));
  EXPECT_THAT(SplitForHardware(5, {0x2211, 0b11, false}),
              ElementsAre(HardwareWrite{5, Width::k1, 0x11}, HardwareWrite{6, Width::k1, 0x22}));
  EXPECT_THAT(SplitForHardware(4, {0x00330011, 0b0101, false}),
              ElementsAre(HardwareWrite{4, Width::k1, 0x11}, HardwareWrite{6, Width::k1, 0x33}));
}

// Against a model that keeps one bit array: no owned bit reaches the hardware, no hardware bit is
// swallowed, nothing is read or written outside.
TEST(ConfigSpace, RandomAccessesMatchTheModel) {
  std::mt19937 random(20240801);
  for (unsigned round = 0; round < 40; ++round) {
    const uint16_t size = round % 2 == 0 ? 256 : 4096;
    ConfigSpace space(size);
    std::vector<uint8_t> owned(size);
    for (unsigned i = 0; i < 64; ++i) {
      const auto at = static_cast<uint16_t>(random() % (size + 8u));
      space.Own(at, Width::k4, static_cast<uint32_t>(random()), static_cast<uint32_t>(random()),
                static_cast<uint32_t>(random()));
      for (unsigned b = at; b < at + 4u && b < size; ++b) owned[b] = 1;
    }
    for (unsigned i = 0; i < 2000; ++i) {
      const auto at = static_cast<uint16_t>(random() % (size + 8u));
      const Width width = kWidths[random() % 3];
      const WriteEffect effect = space.Write(at, width, static_cast<uint32_t>(random()));
      for (const HardwareWrite& write : SplitForHardware(at, effect)) {
        const auto bytes = static_cast<unsigned>(write.width);
        ASSERT_EQ(write.offset % bytes, 0u);
        ASSERT_LE(write.offset + bytes, size);
        for (unsigned b = 0; b < bytes; ++b) ASSERT_EQ(owned[write.offset + b], 0);
      }
      for (unsigned b = 0; b < static_cast<unsigned>(width); ++b) {
        ASSERT_EQ((effect.to_hardware >> b) & 1, at + b < size && owned[at + b] == 0 ? 1 : 0);
      }
      ASSERT_EQ(space.FullyOwned(at, Width::k1), at >= size || owned[at] == 1);
    }
  }
}

}  // namespace
}  // namespace vmm::pci
