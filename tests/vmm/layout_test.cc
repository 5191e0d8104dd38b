#include "vmm/layout.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using base::kGiB;
using base::kMiB;
using base::Range;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kTiB = 1024 * kGiB;

LayoutRequest Memory(uint64_t bytes) {
  LayoutRequest request;
  request.memory_bytes = bytes;
  return request;
}

TEST(PlanLayout, RefusesMemoryThatIsNoMultipleOfThePageSize) {
  EXPECT_THAT(PlanLayout(Memory(256 * kMiB + 1)),
              FailsWith(Code::kUsage, HasSubstr("multiple of 4 KiB")));
}

TEST(PlanLayout, RefusesTooLittleMemory) {
  EXPECT_THAT(PlanLayout(Memory(0)), FailsWith(Code::kUsage, HasSubstr("at least 2 MiB")));
  EXPECT_THAT(PlanLayout(Memory(kMiB)), FailsWith(Code::kUsage));
}

TEST(PlanLayout, RefusesMemoryBeyondTheAddressWidth) {
  LayoutRequest request = Memory(64 * kGiB);
  request.physical_address_bits = 36;
  EXPECT_THAT(PlanLayout(request), FailsWith(Code::kUnfit, HasSubstr("36 bits")));
  request.memory_bytes = uint64_t{1} << 40;
  EXPECT_THAT(PlanLayout(request), FailsWith(Code::kUnfit, HasSubstr("36 bits")));
}

TEST(PlanLayout, NamesTheReservedRangeInLowRamAndItsOwner) {
  LayoutRequest request = Memory(2 * kGiB);
  request.reserved = {{0x7b800000, 0x7fffffff, "direct, group 3"}};
  const auto layout = PlanLayout(request);
  EXPECT_THAT(layout, FailsWith(Code::kUnfit, AllOf(HasSubstr("0x7b800000-0x7fffffff"),
                                                    HasSubstr("direct, group 3"))));
  EXPECT_THAT(layout.error().hint(), HasSubstr("--memory 1976M"));
}

TEST(PlanLayout, AcceptsAReservedRangeThatRamDoesNotReach) {
  LayoutRequest request = Memory(kGiB);
  request.reserved = {{0x7b800000, 0x7fffffff, "direct, group 3"}};
  EXPECT_THAT(PlanLayout(request), IsOk());
}

TEST(PlanLayout, NamesTheReservedRangeAboveWhichThereIsNoRoom) {
  LayoutRequest request = Memory(8 * kGiB);
  request.physical_address_bits = 40;
  request.reserved = {{4 * kGiB, kTiB - kGiB, "reserved, group 1"}};
  EXPECT_THAT(PlanLayout(request), FailsWith(Code::kUnfit, HasSubstr("reserved, group 1")));
}

TEST(PlanLayout, OnlyRamStaysBelowWhatTheIommuTranslates) {
  LayoutRequest request = Memory(8 * kGiB);
  request.physical_address_bits = 40;
  request.untranslated = ReservedRange{16 * kGiB, UINT64_MAX, "beyond 34 bits"};
  const auto layout = PlanLayout(request);
  ASSERT_THAT(layout, IsOk());
  EXPECT_LE(layout->ram.back().end(), 16 * kGiB);
  EXPECT_GT(layout->mmio64.end(), 16 * kGiB);
  request.memory_bytes = 32 * kGiB;
  EXPECT_THAT(PlanLayout(request),
              FailsWith(Code::kUnfit, HasSubstr("below the reserved IOVA range 0x400000000-0xffff"
                                                "ffffffffffff (beyond 34 bits)")));
}

TEST(PlanLayout, RefusesBarsThatDoNotFit) {
  LayoutRequest request = Memory(kGiB);
  request.bar32_bytes = 3 * kGiB;
  EXPECT_THAT(PlanLayout(request), FailsWith(Code::kUnfit, HasSubstr("32-bit BARs of 3 GiB")));
  request.bar32_bytes = 0;
  request.physical_address_bits = 36;
  request.bar64_bytes = 63 * kGiB;
  EXPECT_THAT(PlanLayout(request), FailsWith(Code::kUnfit, HasSubstr("64-bit BARs")));
}

TEST(PlanLayout, SmallMachineHasOneBlock) {
  const auto layout = PlanLayout(Memory(512 * kMiB));
  ASSERT_THAT(layout, IsOk());
  EXPECT_THAT(layout->ram, ElementsAre(Range{0, 512 * kMiB}));
  EXPECT_EQ(layout->ecam, (Range{0xb0000000, kMiB}));
  EXPECT_EQ(layout->mmio32, (Range{0xc0000000, kIoApicBase - 0xc0000000}));
  EXPECT_GE(layout->mmio64.base, 4 * kGiB);
}

TEST(PlanLayout, TheRestOfRamIsAtFourGiB) {
  const auto layout = PlanLayout(Memory(6 * kGiB));
  ASSERT_THAT(layout, IsOk());
  EXPECT_THAT(layout->ram,
              ElementsAre(Range{0, 0xb0000000}, Range{4 * kGiB, 6 * kGiB - 0xb0000000}));
}

// AMD's IOMMU reserves the HyperTransport range; RAM that would reach it starts at 1 TiB.
TEST(PlanLayout, MovesHighRamToOneTiBOnAmd) {
  LayoutRequest request = Memory(1020 * kGiB);
  request.physical_address_bits = 48;
  request.reserved = {{0xfee00000, 0xfeefffff, "msi, group 5"},
                      {0xfd00000000, 0xffffffffff, "reserved, group 5"}};
  const auto layout = PlanLayout(request);
  ASSERT_THAT(layout, IsOk());
  EXPECT_EQ(layout->ram.back().base, kTiB);
}

TEST(PlanLayout, KeepsHighRamBelowTheAmdHoleWhenItFits) {
  LayoutRequest request = Memory(8 * kGiB);
  request.reserved = {{0xfd00000000, 0xffffffffff, "reserved, group 5"}};
  const auto layout = PlanLayout(request);
  ASSERT_THAT(layout, IsOk());
  EXPECT_EQ(layout->ram.back().base, 4 * kGiB);
}

TEST(PlanLayout, ManyThirtyTwoBitBarsMoveTheHoleDown) {
  LayoutRequest request = Memory(4 * kGiB);
  request.bar32_bytes = 1500 * kMiB;
  const auto layout = PlanLayout(request);
  ASSERT_THAT(layout, IsOk());
  EXPECT_GE(layout->mmio32.size, request.bar32_bytes);
  EXPECT_EQ(layout->ecam.base + 256 * kMiB, layout->mmio32.base);
  EXPECT_EQ(layout->ram.front().end(), layout->ecam.base);
  EXPECT_EQ(layout->memory_bytes(), 4 * kGiB);
}

TEST(PlanLayout, ANarrowAddressWidthGetsASmallerWindow) {
  LayoutRequest request = Memory(kGiB);
  request.physical_address_bits = 36;
  const auto layout = PlanLayout(request);
  ASSERT_THAT(layout, IsOk());
  EXPECT_EQ(layout->mmio64, (Range{32 * kGiB, 32 * kGiB}));
}

// What must hold of every plan; the first broken rule, or an empty text.
std::string BrokenRule(const LayoutRequest& request, const Layout& layout) {
  std::vector<Range> all = layout.ram;
  all.insert(all.end(), {layout.ecam, layout.mmio32, layout.mmio64, Range{kIoApicBase, 0x1400000}});
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {
      if (all[i].Overlaps(all[j])) return "ranges overlap";
    }
  }
  for (const Range& ram : layout.ram) {
    for (const ReservedRange& reserved : request.reserved) {
      if (reserved.start < ram.end() && reserved.last >= ram.base) return "RAM is reserved";
    }
    if (&ram != &layout.ram.back() && ram.size % (2 * kMiB) != 0) return "unaligned block";
    if (ram.base % (2 * kMiB) != 0) return "unaligned base";
  }
  if (!std::is_sorted(layout.ram.begin(), layout.ram.end())) return "not ascending";
  if (layout.memory_bytes() != request.memory_bytes) return "not all of RAM";
  const uint64_t limit = uint64_t{1} << request.physical_address_bits;
  if (layout.ram.back().end() > limit || layout.mmio64.end() > limit) return "beyond the width";
  if (layout.mmio64.size < request.bar64_bytes) return "64-bit window too small";
  if (layout.mmio32.size < request.bar32_bytes) return "32-bit window too small";
  if (layout.mmio32.base < layout.ecam.end()) return "32-bit window below ECAM";
  return "";
}

TEST(PlanLayout, NoPlanBreaksARule) {
  std::mt19937_64 random(20240229);
  const auto upto = [&](uint64_t limit) { return random() % limit; };
  unsigned planned = 0;
  for (int round = 0; round < 5000; ++round) {
    LayoutRequest request;
    request.physical_address_bits = static_cast<unsigned>(36 + upto(17));
    request.memory_bytes = (512 + upto(uint64_t{1} << (8 + upto(20)))) * base::kPageSize;
    request.bar64_bytes = upto(uint64_t{1} << (20 + upto(22)));
    request.bar32_bytes = upto(2 * kGiB);
    for (uint64_t count = upto(5); count > 0; --count) {
      const uint64_t start = upto(uint64_t{1} << (30 + upto(23))) & ~uint64_t{0xfff};
      request.reserved.push_back({start, start + upto(uint64_t{1} << (12 + upto(30))), "test"});
    }
    const auto layout = PlanLayout(request);
    if (!layout) continue;
    ++planned;
    ASSERT_EQ(BrokenRule(request, *layout), "") << "round " << round;
  }
  EXPECT_GT(planned, 1000u);
}

TEST(PlanLayout, SurvivesAReservedRangeUpToTheEndOfTheWorld) {
  LayoutRequest request = Memory(8 * kGiB);
  request.reserved = {{4 * kGiB, UINT64_MAX, "reserved, group 1"}};
  EXPECT_THAT(PlanLayout(request), FailsWith(Code::kUnfit));
}

TEST(PlanLayout, EachPieceIsAMultipleOfReservedPages) {
  LayoutRequest request;
  request.memory_bytes = 8 * kGiB;
  request.page_bytes = kGiB;
  const auto layout = PlanLayout(request);
  ASSERT_THAT(layout, IsOk());
  ASSERT_EQ(layout->ram.size(), 2u);
  EXPECT_EQ(layout->ram[0].size, 2 * kGiB);
  EXPECT_EQ(layout->ram[1].size, 6 * kGiB);
}

TEST(PlanLayout, ConfigurationSpaceHoldsTheBusesThatExist) {
  LayoutRequest request;
  request.memory_bytes = kGiB;
  for (const unsigned buses : {1u, 3u, 32u, 256u}) {
    request.buses = buses;
    const auto layout = PlanLayout(request);
    ASSERT_THAT(layout, IsOk());
    EXPECT_EQ(layout->ecam, (Range{0xb0000000, buses * kMiB}));
    EXPECT_EQ(layout->mmio32.base, 0xc0000000);
  }
}

}  // namespace
}  // namespace vmm
