#include "vmm/pci/placement.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/matchers.h"
#include "vmm/pci/bars.h"

namespace vmm::pci {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Layout MakeLayout() {
  Layout layout;
  layout.ram = {{0, 0xb0000000}, {4 * base::kGiB, base::kGiB}};
  layout.ecam = {0xb0000000, 256 * base::kMiB};
  layout.mmio32 = {0xc0000000, 0x3ec00000};
  layout.mmio64 = {64 * base::kGiB, 64 * base::kGiB};
  return layout;
}

TEST(PlanBarAddresses, NamesTheBarWithoutRoom) {
  const std::vector<FunctionBars> functions = {
      {"0000:08:00.0", {{2, BarKind::kMemory64, 256 * base::kGiB, true}}}};
  EXPECT_THAT(PlanBarAddresses(functions, PlacementOf(MakeLayout())),
              test::FailsWith(base::Code::kUnfit, AllOf(HasSubstr("0000:08:00.0"),
                                                        HasSubstr("BAR 2"), HasSubstr("256 GiB"))));
  const std::vector<FunctionBars> io(600, {"dev", {{0, BarKind::kIo, 32, false}}});
  EXPECT_THAT(PlanBarAddresses(io, PlacementOf(MakeLayout())), test::FailsWith(base::Code::kUnfit));
}

TEST(PlanBarAddresses, ARomWithoutRoomHasNoAddress) {
  Layout layout = MakeLayout();
  layout.mmio32.size = 0x10000;
  const std::vector<FunctionBars> functions = {
      {"a", {{0, BarKind::kMemory32, 4096, false}, {kRomBar, BarKind::kMemory32, 0x20000, false}}}};
  EXPECT_THAT(PlanBarAddresses(functions, PlacementOf(layout)),
              test::IsOkAnd(ElementsAre(BarPlacement{0, 0, 0xc0000000})));
}

TEST(PlanBarAddresses, LargestFirstByKind) {
  const std::vector<FunctionBars> functions = {
      {"a",
       {{0, BarKind::kMemory32, 128, false},
        {1, BarKind::kIo, 32, false},
        {2, BarKind::kMemory64, base::kGiB, true}}},
      {"b",
       {{0, BarKind::kMemory64, 16 * base::kKiB, false}, {4, BarKind::kMemory64, 4096, true}}}};
  EXPECT_THAT(
      PlanBarAddresses(functions, PlacementOf(MakeLayout())),
      test::IsOkAnd(ElementsAre(BarPlacement{0, 2, 64 * base::kGiB}, BarPlacement{1, 0, 0xc0000000},
                                BarPlacement{0, 0, 0xc0004000}, BarPlacement{1, 4, 65 * base::kGiB},
                                BarPlacement{0, 1, 0xc000})));
}

TEST(PlanBarAddresses, A64BitBarTakesTheOtherWindowWhenItsOwnIsFull) {
  Layout layout = MakeLayout();
  layout.mmio64 = {};
  const std::vector<FunctionBars> high = {{"a", {{0, BarKind::kMemory64, base::kMiB, true}}}};
  EXPECT_THAT(PlanBarAddresses(high, PlacementOf(layout)),
              test::IsOkAnd(ElementsAre(BarPlacement{0, 0, 0xc0000000})));
  layout = MakeLayout();
  layout.mmio32.size = 0x1000;
  const std::vector<FunctionBars> low = {{"a", {{0, BarKind::kMemory64, base::kMiB, false}}}};
  EXPECT_THAT(PlanBarAddresses(low, PlacementOf(layout)),
              test::IsOkAnd(ElementsAre(BarPlacement{0, 0, 64 * base::kGiB})));
}

// Any set that fits: aligned, inside a window, apart from each other.
TEST(PlanBarAddresses, RandomSetsFitAndDoNotTouch) {
  std::mt19937_64 random(7);
  const Layout layout = MakeLayout();
  const BarWindows windows = WindowsOf(layout);
  unsigned placed = 0;
  for (unsigned round = 0; round < 300; ++round) {
    std::vector<FunctionBars> functions(1 + random() % 6);
    for (FunctionBars& function : functions) {
      for (unsigned i = 0; i < 6; i += 2) {
        const auto kind = static_cast<BarKind>(random() % 3);
        const uint64_t shift = kind == BarKind::kIo ? 2 + random() % 6 : 4 + random() % 26;
        function.bars.push_back({i, kind, uint64_t{1} << shift, random() % 2 == 0});
      }
    }
    const auto plan = PlanBarAddresses(functions, PlacementOf(layout));
    if (!plan) continue;
    ++placed;
    std::vector<base::Range> memory, ports;
    for (const BarPlacement& p : *plan) {
      const BarInfo& bar = functions[p.function].bars[p.index / 2];
      const base::Range range{p.address, BarAlignment(bar)};
      ASSERT_EQ(range.base % range.size, 0u);
      auto& active = bar.kind == BarKind::kIo ? ports : memory;
      ASSERT_EQ(CheckBar(range, bar.kind, windows, active), BarFit::kFits);
      active.push_back(range);
      ASSERT_TRUE(bar.kind != BarKind::kMemory32 || range.end() <= uint64_t{1} << 32);
    }
  }
  EXPECT_GT(placed, 200u);
}

TEST(CheckBar, RefusesWhatHarms) {
  const BarWindows windows = WindowsOf(MakeLayout());
  const std::vector<base::Range> active = {{0xc0000000, 0x4000}};
  struct Case {
    base::Range range;
    BarKind kind;
    BarFit want;
  };
  for (const Case& c :
       {Case{{0x100000, 0x1000}, BarKind::kMemory32, BarFit::kOverlapsMachine},
        Case{{0xaffff000, 0x2000}, BarKind::kMemory32, BarFit::kOverlapsMachine},
        Case{{0xb0000000, 0x1000}, BarKind::kMemory32, BarFit::kOverlapsMachine},
        Case{{0xfec00000, 0x1000}, BarKind::kMemory32, BarFit::kOverlapsMachine},
        Case{{0xfee00000, 0x1000}, BarKind::kMemory64, BarFit::kOverlapsMachine},
        Case{{0xff000000, 0x1000}, BarKind::kMemory32, BarFit::kOutsideWindows},
        Case{{0xfebff000, 0x2000}, BarKind::kMemory32, BarFit::kOverlapsMachine},
        Case{{200 * base::kGiB, 0x1000}, BarKind::kMemory64, BarFit::kOutsideWindows},
        Case{{0xc0003000, 0x1000}, BarKind::kMemory32, BarFit::kOverlapsBar},
        Case{{0xc0004000, 0x4000}, BarKind::kMemory32, BarFit::kFits},
        Case{{64 * base::kGiB, base::kGiB}, BarKind::kMemory64, BarFit::kFits},
        Case{{0xcf8, 8}, BarKind::kIo, BarFit::kOutsideWindows},
        Case{{0xff8, 16}, BarKind::kIo, BarFit::kOutsideWindows},
        Case{{0x1000, 32}, BarKind::kIo, BarFit::kFits},
        Case{{0xc000, 32}, BarKind::kIo, BarFit::kFits}}) {
    EXPECT_EQ(CheckBar(c.range, c.kind, windows, active), c.want) << std::hex << c.range.base;
  }
}

}  // namespace
}  // namespace vmm::pci
