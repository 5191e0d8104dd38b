#include "sriov/nvme_virtualization.h"

#include <gtest/gtest.h>

#include <random>

#include "sysfs/base/bits.h"
#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::StoreLe;

std::vector<std::byte> Block() { return std::vector<std::byte>(kNvmeIdentifySize); }

TEST(HasVirtualization, LooksAtBit7OfOacs) {
  auto block = Block();
  EXPECT_FALSE(HasVirtualization(block));
  EXPECT_FALSE(HasVirtualization({}));
  StoreLe<uint16_t>(block, 256, 0x80);
  EXPECT_TRUE(HasVirtualization(block));
}

// NVM Express Base 2.0, 5.17.2.12.
TEST(ParsePrimary, TakesEachFieldFromItsPlace) {
  auto block = Block();
  StoreLe<uint16_t>(block, 0, 5);
  StoreLe<uint8_t>(block, 4, 3);
  StoreLe<uint32_t>(block, 32, 8);
  StoreLe<uint32_t>(block, 36, 2);
  StoreLe<uint16_t>(block, 40, 6);
  StoreLe<uint16_t>(block, 42, 9);
  StoreLe<uint16_t>(block, 44, 4);
  StoreLe<uint16_t>(block, 46, 2);
  StoreLe<uint32_t>(block, 64, 100);
  StoreLe<uint16_t>(block, 78, 1);
  const NvmePrimary primary = ParsePrimary(block);
  EXPECT_EQ(primary.controller, 5);
  EXPECT_EQ(primary.queues, (NvmeFlexible{8, 2, 6, 9, 4, 2}));
  EXPECT_EQ(primary.interrupts, (NvmeFlexible{100, 0, 0, 0, 0, 1}));
}

TEST(ParsePrimary, LeavesOutKindsThatTheDriveDoesNotDivide) {
  auto block = Block();
  StoreLe<uint32_t>(block, 32, 8);
  EXPECT_EQ(ParsePrimary(block), NvmePrimary());
}

TEST(ParseSecondaries, ReadsAsManyAsThereAre) {
  auto block = Block();
  StoreLe<uint8_t>(block, 0, 2);
  StoreLe<uint16_t>(block, 32, 1);
  StoreLe<uint8_t>(block, 36, 1);
  StoreLe<uint16_t>(block, 40, 1);
  StoreLe<uint16_t>(block, 42, 2);
  StoreLe<uint16_t>(block, 44, 1);
  StoreLe<uint16_t>(block, 64, 7);
  const auto all = ParseSecondaries(block);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], (NvmeSecondary{1, 1, true, 2, 1}));
  EXPECT_EQ(all[1], (NvmeSecondary{7, 0, false, 0, 0}));
}

TEST(ParseSecondaries, StaysInsideTheBlock) {
  auto block = Block();
  StoreLe<uint8_t>(block, 0, 255);
  EXPECT_EQ(ParseSecondaries(block).size(), 127u);
  EXPECT_EQ(ParseSecondaries(std::span(block).first(95)).size(), 1u);
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::byte> noise(random() % 300);
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
    EXPECT_LE(ParseSecondaries(noise).size(), 10u);
    ParsePrimary(noise);
    HasVirtualization(noise);
  }
}

TEST(FormatCommand, IsWhatNvmeCliTakes) {
  EXPECT_EQ(Format({NvmeAction::kAssign, 2, NvmeResource::kInterrupts, 1}, "/dev/nvme1"),
            "nvme virt-mgmt /dev/nvme1 -c 2 -a 8 -r 1 -n 1");
  EXPECT_EQ(Format({NvmeAction::kOnline, 2, NvmeResource::kQueues, 0}, "/dev/nvme1"),
            "nvme virt-mgmt /dev/nvme1 -c 2 -a 9");
}

}  // namespace
}  // namespace sriov
