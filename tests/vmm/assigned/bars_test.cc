#include "vmm/assigned/bars.h"

#include <gmock/gmock.h>

#include <random>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"

namespace vmm::assigned {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using vfio::Area;

std::vector<std::byte> ConfigWithBars(const std::array<uint32_t, 6>& registers) {
  std::vector<std::byte> config(256);
  for (size_t i = 0; i < 6; ++i) {
    base::StoreLe<uint32_t>(std::span(config), 0x10 + 4 * i, registers[i]);
  }
  return config;
}

MATCHER_P4(IsBar, index, kind, size, prefetchable, "") {
  return arg.index == static_cast<unsigned>(index) && arg.kind == kind && arg.size == size &&
         arg.prefetchable == prefetchable;
}

TEST(ParseBars, LeavesOutWhatNoBarCanBe) {
  const auto config = ConfigWithBars({0, 0, 0, 1, 0, 4});
  EXPECT_THAT(ParseBars(config, {24, 8, uint64_t{1} << 32, 8192, 0, 4096}), IsEmpty());
  EXPECT_THAT(ParseBars({}, {0, 0, 0, 0, 0, 0}), IsEmpty());
}

TEST(ParseBars, TakesKindFromTheRegisterAndSizeFromVfio) {
  const auto config = ConfigWithBars({0xfe00000c, 0x12, 0xfd000000, 0xd001, 0x4, 0});
  EXPECT_THAT(ParseBars(config, {0x4000, 0x999, 128, 32, 8 * base::kGiB, 0}),
              ElementsAre(IsBar(0, pci::BarKind::kMemory64, 0x4000u, true),
                          IsBar(2, pci::BarKind::kMemory32, 128u, false),
                          IsBar(3, pci::BarKind::kIo, 32u, false),
                          IsBar(4, pci::BarKind::kMemory64, 8 * base::kGiB, false)));
}

vfio::Region MakeRegion(uint64_t size, std::vector<Area> areas, bool msix_mappable = false) {
  vfio::Region region;
  region.size = size;
  region.readable = region.writable = region.mappable = true;
  region.msix_mappable = msix_mappable;
  region.areas = std::move(areas);
  return region;
}

TEST(PlanBar, TrapsWhatCannotBeMapped) {
  vfio::Region region = MakeRegion(0x4000, {{0, 0x4000}});
  region.mappable = false;
  EXPECT_EQ(PlanBar(region, {}, 4096), (BarPlan{{}, {{0, 0x4000}}}));
  EXPECT_EQ(PlanBar(MakeRegion(128, {{0, 128}}), {}, 4096), (BarPlan{{}, {{0, 128}}}));
  EXPECT_EQ(PlanBar(MakeRegion(128, {{0, 4096}}), {}, 4096), (BarPlan{{{0, 4096}}, {}}));
  EXPECT_EQ(PlanBar(MakeRegion(128, {{0, 4096}}), MsixLayout{0x40, 2, 0, 0, 0, 64}, 4096),
            (BarPlan{{}, {{0, 128}}}));
  EXPECT_EQ(PlanBar(MakeRegion(0x4000, {}), {}, 4096), (BarPlan{{}, {{0, 0x4000}}}));
}

TEST(PlanBar, IgnoresAreasThatAreNotWholePagesOfTheRegion) {
  const std::vector<Area> areas = {{0x100, 0x1000},
                                   {0x1000, 0x800},
                                   {0x3000, 0x2000},
                                   {UINT64_MAX - 0xfff, 0x1000},
                                   {0x2000, 0x1000}};
  EXPECT_EQ(PlanBar(MakeRegion(0x4000, areas), {}, 4096),
            (BarPlan{{{0x2000, 0x1000}}, {{0, 0x2000}, {0x3000, 0x1000}}}));
}

TEST(PlanBar, MapsAWholeBar) {
  EXPECT_EQ(PlanBar(MakeRegion(0x4000, {{0, 0x4000}}), {}, 4096), (BarPlan{{{0, 0x4000}}, {}}));
}

TEST(PlanBar, TrapsThePagesOfTableAndPendingBits) {
  // 300 vectors: the table takes 4800 bytes.
  const MsixLayout msix{0xb0, 300, 0, 0x2000, 0, 0x6800};
  for (const bool mappable : {false, true}) {
    EXPECT_EQ(PlanBar(MakeRegion(0x8000, {{0, 0x8000}}, mappable), msix, 4096),
              (BarPlan{{{0, 0x2000}, {0x4000, 0x2000}, {0x7000, 0x1000}},
                       {{0x2000, 0x2000}, {0x6000, 0x1000}}}));
  }
  vfio::Region other = MakeRegion(0x8000, {{0, 0x8000}});
  other.index = 2;
  EXPECT_THAT(PlanBar(other, msix, 4096).trapped, IsEmpty());
}

TEST(PlanBar, SparseAreasMinusTheTable) {
  const MsixLayout msix{0xb0, 8, 0, 0x3000, 2, 0};
  EXPECT_EQ(PlanBar(MakeRegion(0x8000, {{0, 0x2000}, {0x3000, 0x4000}}), msix, 4096),
            (BarPlan{{{0, 0x2000}, {0x4000, 0x3000}}, {{0x2000, 0x2000}, {0x7000, 0x1000}}}));
}

// Mapped and trapped windows cover the BAR exactly once; no emulated byte is mapped.
TEST(PlanBar, RandomRegionsAreCoveredOnce) {
  std::mt19937_64 random(9);
  for (unsigned round = 0; round < 3000; ++round) {
    const uint64_t size = uint64_t{0x1000} << random() % 6;
    std::vector<Area> areas;
    for (uint64_t n = random() % 5; n > 0; --n) {
      areas.push_back({random() % 40 * 0x800, random() % 20 * 0x800});
    }
    const auto vectors = static_cast<unsigned>(1 + random() % 64);
    const MsixLayout msix{
        0xb0, vectors, 0, random() % (size / 8) * 8, 0, random() % (size / 8) * 8};
    const BarPlan plan = PlanBar(MakeRegion(size, areas), msix, 4096);
    std::vector<unsigned> covered(size / 0x800);
    const auto cover = [&](const Area& area) {
      ASSERT_EQ(area.offset % 0x1000, 0u);
      ASSERT_LE(area.offset + area.size, size);
      for (uint64_t i = area.offset / 0x800; i < (area.offset + area.size) / 0x800; ++i) {
        ++covered[i];
      }
    };
    for (const Area& area : plan.mapped) {
      cover(area);
      const base::Range range{area.offset, area.size};
      ASSERT_FALSE(range.Overlaps({msix.table_offset, uint64_t{vectors} * 16}));
      ASSERT_FALSE(range.Contains(msix.pending_offset));
    }
    for (const Area& area : plan.trapped) cover(area);
    ASSERT_THAT(covered, testing::Each(1u));
  }
}

}  // namespace
}  // namespace vmm::assigned
