#include "vmm/ram/balloon_pages.h"

#include <gmock/gmock.h>

#include <array>

namespace vmm {
namespace {

using base::kGiB;
using base::kMiB;
using base::Range;
using Kind = RamStep::Kind;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kPagesOfBlock = 512;

std::vector<uint32_t> PagesOf(uint32_t first, uint32_t count) {
  std::vector<uint32_t> pages;
  for (uint32_t i = 0; i < count; ++i) pages.push_back(first + i);
  return pages;
}

TEST(DmaBlocks, TheirSizeKeepsTheirNumberLow) {
  EXPECT_EQ(DmaBlockBytes(64 * kMiB), 2 * kMiB);
  EXPECT_EQ(DmaBlockBytes(64 * kGiB), 2 * kMiB);
  EXPECT_EQ(DmaBlockBytes(65 * kGiB), 4 * kMiB);
  EXPECT_EQ(DmaBlockBytes(1024 * kGiB), 32 * kMiB);
}

TEST(DmaBlocks, BordersAreMultiples) {
  const std::array ram = {Range{0, 5 * kMiB}, Range{4 * kGiB + 2 * kMiB, 6 * kMiB}};
  EXPECT_THAT(CutIntoBlocks(ram, 4 * kMiB), ElementsAre(Range{0, 4 * kMiB}, Range{4 * kMiB, kMiB},
                                                        Range{4 * kGiB + 2 * kMiB, 2 * kMiB},
                                                        Range{4 * kGiB + 4 * kMiB, 4 * kMiB}));
  EXPECT_THAT(CutIntoBlocks(ram, 0), ElementsAre(ram[0], ram[1]));
}

class BalloonPagesTest : public testing::Test {
 protected:
  void MapAll() {
    for (size_t i = 0; i < pages_.block_count(); ++i) pages_.Mapped(i);
  }
  static constexpr std::array kRam = {Range{0, 8 * kMiB}, Range{4 * kGiB, 4 * kMiB}};
  BalloonPages pages_{kRam, 2 * kMiB};
};

TEST_F(BalloonPagesTest, WithoutDevicesPagesAreDiscardedTogether) {
  const std::vector<uint32_t> pages = {9, 7, 8, 3, 9, 511, 512};
  const RamSteps plan = pages_.Inflate(pages, BalloonMode::kDiscard);
  EXPECT_EQ(plan.looked_at, pages.size());
  EXPECT_THAT(plan.steps, ElementsAre(RamStep{Kind::kDiscard, {0x3000, 0x1000}, 0},
                                      RamStep{Kind::kDiscard, {0x7000, 0x3000}, 0},
                                      RamStep{Kind::kDiscard, {0x1ff000, 0x1000}, 0},
                                      RamStep{Kind::kDiscard, {0x200000, 0x1000}, 1}));
  for (const RamStep& step : plan.steps) pages_.Discarded(step.range);
  EXPECT_EQ(pages_.discarded_bytes(), 6 * base::kPageSize);
  EXPECT_THAT(pages_.Deflate(pages, BalloonMode::kDiscard).steps, IsEmpty());
  pages_.Deflated(pages);
  EXPECT_EQ(pages_.discarded_bytes(), 0u);
  EXPECT_FALSE(pages_.ballooned(9));
}

TEST_F(BalloonPagesTest, BesideDevicesABlockLeavesWithItsLastPage) {
  MapAll();
  const auto all_but_one = PagesOf(512, kPagesOfBlock - 1);
  EXPECT_THAT(pages_.Inflate(all_but_one, BalloonMode::kBlocks).steps, IsEmpty());
  const std::array<uint32_t, 3> last = {1023, 1023, 5};
  const RamSteps plan = pages_.Inflate(last, BalloonMode::kBlocks);
  const Range block{2 * kMiB, 2 * kMiB};
  EXPECT_THAT(plan.steps,
              ElementsAre(RamStep{Kind::kUnmap, block, 1}, RamStep{Kind::kDiscard, block, 1}));
  pages_.Unmapped(1);
  pages_.Discarded(block);
  EXPECT_EQ(pages_.discarded_bytes(), 2 * kMiB);
  EXPECT_THAT(pages_.Inflate(last, BalloonMode::kBlocks).steps, IsEmpty()) << "it is out";
  // One page comes back: all of the block does.
  const std::array<uint32_t, 2> some = {600, 5};
  EXPECT_THAT(pages_.Deflate(some, BalloonMode::kBlocks).steps,
              ElementsAre(RamStep{Kind::kMap, block, 1}));
  pages_.Mapped(1);
  pages_.Deflated(some);
  EXPECT_EQ(pages_.discarded_bytes(), 0u);
  EXPECT_TRUE(pages_.ballooned(601));
  EXPECT_THAT(pages_.Inflate(std::array<uint32_t, 1>{600}, BalloonMode::kBlocks).steps,
              ElementsAre(RamStep{Kind::kUnmap, block, 1}, RamStep{Kind::kDiscard, block, 1}));
}

TEST_F(BalloonPagesTest, AFailedUnmapIsTriedAgain) {
  MapAll();
  const auto block = PagesOf(0, kPagesOfBlock);
  EXPECT_EQ(pages_.Inflate(block, BalloonMode::kBlocks).steps.size(), 2u);
  EXPECT_EQ(pages_.Inflate(std::array<uint32_t, 1>{7}, BalloonMode::kBlocks).steps.size(), 2u);
}

TEST_F(BalloonPagesTest, ACallHasAnEnd) {
  BalloonPages pages(std::array{Range{0, 64 * kMiB}}, 2 * kMiB);
  std::vector<uint32_t> spread;
  for (uint32_t i = 0; i < 32; ++i) spread.push_back(i * kPagesOfBlock);
  const RamSteps plan = pages.Deflate(spread, BalloonMode::kBlocks);
  EXPECT_EQ(plan.steps.size(), BalloonPages::kMostBlocks);
  EXPECT_EQ(plan.looked_at, BalloonPages::kMostBlocks);
}

TEST_F(BalloonPagesTest, WhatIsNotRamIsCounted) {
  const std::array<uint32_t, 3> pages = {2048, 0xffffffff, 1 << 20};
  EXPECT_EQ(pages_.Inflate(pages, BalloonMode::kDiscard).steps.size(), 1u);
  EXPECT_EQ(pages_.strange(), 2u);
  EXPECT_TRUE(pages_.ballooned(1 << 20));
}

TEST_F(BalloonPagesTest, ADriverThatTellsLaterGetsNothingDone) {
  MapAll();
  EXPECT_THAT(pages_.Inflate(PagesOf(0, kPagesOfBlock), BalloonMode::kInert).steps, IsEmpty());
  EXPECT_TRUE(pages_.full(0));
}

TEST_F(BalloonPagesTest, WhatIsLeftWhenTheLastDeviceLeaves) {
  MapAll();
  pages_.Inflate(PagesOf(10, 20), BalloonMode::kBlocks);
  EXPECT_THAT(pages_.Leftover(), IsEmpty());
  for (size_t i = 0; i < pages_.block_count(); ++i) pages_.Unmapped(i);
  EXPECT_THAT(pages_.Leftover(), ElementsAre(RamStep{Kind::kDiscard, {0xa000, 0x14000}, 0}));
  EXPECT_THAT(pages_.Restore(false), IsEmpty());
  EXPECT_EQ(pages_.Restore(true).size(), pages_.block_count());
  pages_.Restored();
  EXPECT_THAT(pages_.Leftover(), IsEmpty());
}

}  // namespace
}  // namespace vmm
