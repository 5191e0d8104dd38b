#include "vmm/devices/cmos.h"

#include <gmock/gmock.h>

#include <random>

namespace vmm {
namespace {

class CmosTest : public testing::Test {
 protected:
  uint8_t Read(uint8_t index) {
    cmos_.Write({0, Width::k1}, index);
    return static_cast<uint8_t>(cmos_.Read({1, Width::k1}));
  }
  void Write(uint8_t index, uint8_t value) {
    cmos_.Write({0, Width::k1}, index);
    cmos_.Write({1, Width::k1}, value);
  }

  int64_t now_ = 1709251199;  // Thursday, 2024-02-29 23:59:59 UTC
  Cmos cmos_{[this] { return now_; }};
};

TEST_F(CmosTest, TheTimeCannotBeSet) {
  Write(0x00, 0x11);
  EXPECT_EQ(Read(0x00), 0x59);
}

TEST_F(CmosTest, TellsTheTimeInBcd) {
  EXPECT_EQ(Read(0x00), 0x59);
  EXPECT_EQ(Read(0x02), 0x59);
  EXPECT_EQ(Read(0x04), 0x23);
  EXPECT_EQ(Read(0x06), 0x05);
  EXPECT_EQ(Read(0x07), 0x29);
  EXPECT_EQ(Read(0x08), 0x02);
  EXPECT_EQ(Read(0x09), 0x24);
  EXPECT_EQ(Read(0x32), 0x20);
  ++now_;
  EXPECT_EQ(Read(0x07), 0x01);
  EXPECT_EQ(Read(0x08), 0x03);
}

// Linux waits while an update is in progress (bit 7 of register A) and wants valid memory.
TEST_F(CmosTest, IsValidAndNeverUpdating) {
  EXPECT_EQ(Read(0x0a) & 0x80, 0);
  EXPECT_EQ(Read(0x0b), 0x02);
  EXPECT_EQ(Read(0x0c), 0);
  EXPECT_EQ(Read(0x0d), 0x80);
}

TEST_F(CmosTest, MemoryKeepsItsBytesAndTheTopBitOfTheIndexIsNoAddress) {
  Write(0x40, 0x77);
  EXPECT_EQ(Read(0x40 | 0x80), 0x77);
  EXPECT_EQ(cmos_.Read({0, Width::k1}), 0xffu);
}

TEST_F(CmosTest, AWordWriteSetsIndexAndData) {
  cmos_.Write({0, Width::k2}, 0x1250);
  EXPECT_EQ(Read(0x50), 0x12);
}

TEST_F(CmosTest, SurvivesRandomAccessesAndClocks) {
  std::mt19937_64 random(70);
  for (int round = 0; round < 5000; ++round) {
    now_ = static_cast<int64_t>(random());
    cmos_.Write({random() % 2, Width::k1}, random());
    cmos_.Read({random() % 2, Width::k2});
  }
}

}  // namespace
}  // namespace vmm
