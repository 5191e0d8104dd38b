#include "sysfs/capability.h"

#include <gmock/gmock.h>

#include <random>
#include <set>

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace header = registers::header;

class Config : public testing::Test {
 protected:
  void Set8(size_t at, uint8_t value) { base::StoreLe(std::span(bytes_), at, value); }
  void Set16(size_t at, uint16_t value) { base::StoreLe(std::span(bytes_), at, value); }
  void Set32(size_t at, uint32_t value) { base::StoreLe(std::span(bytes_), at, value); }
  void SetCapability(size_t at, uint8_t id, uint8_t next) {
    Set8(at, id);
    Set8(at + 1, next);
  }
  void HaveList(uint8_t first) {
    Set16(header::kStatus, 0x0010);
    Set8(header::kCapabilities, first);
  }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(kExtendedConfigSize);
};

TEST_F(Config, NothingAnswersMeansNoList) {
  std::fill(bytes_.begin(), bytes_.end(), std::byte{0xff});
  EXPECT_THAT(ListCapabilities(bytes_), IsEmpty());
  EXPECT_THAT(ListExtendedCapabilities(bytes_), IsEmpty());
  EXPECT_THAT(ListCapabilities({}), IsEmpty());
  EXPECT_THAT(ListExtendedCapabilities(std::span(bytes_).first(256)), IsEmpty());
}

// PCI 3.0, 6.7: the pointer counts only with the status bit.
TEST_F(Config, WithoutTheStatusBitThereIsNoList) {
  Set8(header::kCapabilities, 0x40);
  SetCapability(0x40, 0x05, 0);
  EXPECT_THAT(ListCapabilities(bytes_), IsEmpty());
}

TEST_F(Config, LoopEndsTheWalk) {
  HaveList(0x40);
  SetCapability(0x40, 0x01, 0x50);
  SetCapability(0x50, 0x05, 0x40);
  EXPECT_THAT(ListCapabilities(bytes_),
              ElementsAre(Capability{1, 0, 0x40}, Capability{5, 0, 0x50}));
  SetCapability(0x40, 0x01, 0x40);
  EXPECT_THAT(ListCapabilities(bytes_), ElementsAre(Capability{1, 0, 0x40}));
}

TEST_F(Config, PointerIntoTheHeaderEndsTheWalk) {
  HaveList(0x40);
  SetCapability(0x40, 0x01, 0x3c);
  EXPECT_THAT(ListCapabilities(bytes_), ElementsAre(Capability{1, 0, 0x40}));
}

// PCI 3.0, 6.7: the two low bits are reserved and must be masked.
TEST_F(Config, LowBitsOfPointersAreMasked) {
  HaveList(0x43);
  SetCapability(0x40, 0x10, 0x71);
  SetCapability(0x70, 0x11, 0);
  EXPECT_EQ(FindCapability(bytes_, CapabilityId::kMsix), 0x70);
}

TEST_F(Config, NullCapabilityIsSteppedOver) {
  HaveList(0x40);
  SetCapability(0x40, 0x00, 0x50);
  SetCapability(0x50, 0x05, 0);
  EXPECT_THAT(ListCapabilities(bytes_), ElementsAre(Capability{5, 0, 0x50}));
}

TEST_F(Config, CardbusBridgeKeepsItsPointerElsewhere) {
  HaveList(0x40);
  Set8(header::kType, 0x82);
  Set8(header::kCardbusCapabilities, 0x80);
  SetCapability(0x80, 0x01, 0);
  EXPECT_THAT(ListCapabilities(bytes_), ElementsAre(Capability{1, 0, 0x80}));
}

TEST_F(Config, ShortBlockEndsTheWalk) {
  HaveList(0x40);
  SetCapability(0x40, 0x01, 0x50);
  EXPECT_THAT(ListCapabilities(std::span(bytes_).first(0x51)), ElementsAre(Capability{1, 0, 0x40}));
}

TEST_F(Config, ExtendedListStartsAt256) {
  Set32(0x100, 0x14020001);  // AER version 2, next 0x140
  Set32(0x140, 0x14010010);  // SR-IOV, next is itself
  EXPECT_THAT(ListExtendedCapabilities(bytes_),
              ElementsAre(Capability{1, 2, 0x100}, Capability{0x10, 1, 0x140}));
  EXPECT_EQ(FindExtendedCapability(bytes_, ExtendedId::kSriov), 0x140);
  EXPECT_EQ(FindExtendedCapability(bytes_, ExtendedId::kAcs), std::nullopt);
}

// A hidden first capability keeps its place as a null one with a next pointer.
TEST_F(Config, ExtendedNullIsSteppedOver) {
  Set32(0x100, 0x20000000);
  Set32(0x200, 0x0001000d);
  EXPECT_THAT(ListExtendedCapabilities(bytes_), ElementsAre(Capability{0x0d, 1, 0x200}));
}

TEST_F(Config, ExtendedPointerBelow256EndsTheWalk) {
  Set32(0x100, 0x0fc10001);
  EXPECT_THAT(ListExtendedCapabilities(bytes_), ElementsAre(Capability{1, 1, 0x100}));
}

TEST_F(Config, RandomBytesKeepTheWalksInBounds) {
  std::mt19937 random(7);
  for (int round = 0; round < 5000; ++round) {
    for (auto& byte : bytes_) byte = static_cast<std::byte>(random());
    Set16(header::kStatus, 0x0010);
    const auto block = std::span(bytes_).first(random() % (bytes_.size() + 1));
    std::set<uint16_t> seen;
    for (const auto& capability : ListCapabilities(block)) {
      ASSERT_GE(capability.offset, 0x40);
      ASSERT_LT(capability.offset, 0x100);
      ASSERT_TRUE(seen.insert(capability.offset).second);
    }
    for (const auto& capability : ListExtendedCapabilities(block)) {
      ASSERT_GE(capability.offset, 0x100);
      ASSERT_LE(capability.offset + 4u, block.size());
      ASSERT_TRUE(seen.insert(capability.offset).second);
    }
  }
}

TEST(Registers, MsiSizeFollowsItsShape) {
  using registers::msi::Size;
  EXPECT_EQ(Size(0x0000), 10);
  EXPECT_EQ(Size(0x0080), 14);
  EXPECT_EQ(Size(0x0100), 20);
  EXPECT_EQ(Size(0x0180), 24);
}

}  // namespace
}  // namespace sysfs
