#include "vmm/pci/bar_map.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/fake_function.h"
#include "tests/support/fake_router.h"

namespace vmm::pci {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr base::Range kRange0{0xc0000000, 0x4000};
constexpr base::Range kRange2{0xc0100000, 0x1000};

class BarMapTest : public testing::Test {
 protected:
  BarMapTest() { EXPECT_TRUE(function.Connect(router).has_value()); }
  void Apply(const std::vector<BarChange>& changes) { map.Apply(function, changes, {}); }

  test::FakeRouter router;
  test::FakeFunction function{"dev",
                              {{0, BarKind::kMemory64, 0x4000, true},
                               {2, BarKind::kMemory32, 0x1000, false},
                               {3, BarKind::kIo, 32, false}}};
  BarMap map{WindowsOf(test::LayoutWithWindows())};
};

TEST_F(BarMapTest, WhatHarmsStaysInactive) {
  Apply({{2, {0x100000, 0x1000}, true}, {3, {0xcf8, 32}, true}});
  EXPECT_THAT(function.applied, IsEmpty());
  Apply({{2, {0x100000, 0x1000}, false}});  // it was never active
  EXPECT_THAT(function.applied, IsEmpty());
}

TEST_F(BarMapTest, PortsAndMemoryAreDifferentSpaces) {
  Apply({{2, kRange2, true}, {3, {0xc000, 32}, true}});
  EXPECT_THAT(map.Active(false), ElementsAre(kRange2));
  EXPECT_THAT(map.Active(true), ElementsAre(base::Range{0xc000, 32}));
}

TEST_F(BarMapTest, ABarWaitsForTheOneInItsWay) {
  Apply({{2, kRange0, true}});
  Apply({{0, kRange0, true}});
  EXPECT_THAT(map.Active(false), ElementsAre(kRange0));
  function.applied.clear();
  Apply({{2, kRange0, false}, {2, kRange2, true}});
  EXPECT_THAT(function.applied,
              ElementsAre(BarChange{2, kRange0, false}, BarChange{0, kRange0, true},
                          BarChange{2, kRange2, true}));
}

TEST_F(BarMapTest, ABarThatCannotBeAppliedIsNotTakenAwayLater) {
  function.fail_apply = true;
  Apply({{0, kRange0, true}});
  function.fail_apply = false;
  EXPECT_THAT(map.Active(false), IsEmpty());
  Apply({{2, kRange2, true}});  // not tried again by another BAR's change
  EXPECT_THAT(function.applied, ElementsAre(BarChange{2, kRange2, true}));
  Apply({{0, kRange0, false}});
  EXPECT_EQ(function.applied.size(), 1u);
}

TEST_F(BarMapTest, ASmallBarIsToldWhetherThePageIsItsOwn) {
  test::FakeFunction small{
      "small", {{0, BarKind::kMemory32, 256, false}, {1, BarKind::kMemory32, 256, false}}};
  const base::Range first{0xc0000000, 256}, second{0xc0000100, 256}, far{0xc0001100, 256};
  const auto apply = [&](const std::vector<BarChange>& changes) {
    small.applied.clear();
    map.Apply(small, changes, {});
  };
  apply({{0, first, true}});
  EXPECT_THAT(small.applied, ElementsAre(BarChange{0, first, true, true}));
  apply({{1, second, true}});
  EXPECT_THAT(small.applied,
              ElementsAre(BarChange{1, second, true, false}, BarChange{0, first, true, false}));
  apply({{1, second, false}, {1, far, true}});
  EXPECT_THAT(small.applied,
              ElementsAre(BarChange{1, second, false}, BarChange{1, far, true, false},
                          BarChange{0, first, true, true}));
}

TEST_F(BarMapTest, AFunctionThatLeavesMakesRoom) {
  test::FakeFunction leaving{"leaving", {{0, BarKind::kMemory32, 0x4000, false}}};
  map.Apply(leaving, std::vector<BarChange>{{0, kRange0, true}}, {});
  Apply({{0, kRange0, true}});
  EXPECT_THAT(function.applied, IsEmpty());
  map.Forget(leaving);
  map.Settle({});
  EXPECT_THAT(function.applied, ElementsAre(BarChange{0, kRange0, true}));
}

// Whatever a guest writes: what is active is what was applied, inside the windows, apart.
TEST_F(BarMapTest, RandomRegisterWritesKeepTheMapSound) {
  std::mt19937 random(11);
  const BarWindows windows = WindowsOf(test::LayoutWithWindows());
  const uint32_t interesting[] = {0,          0xffffffff, 0x100000,   0xb0000000, 0xc0000000,
                                  0xc0001000, 0xc0004000, 0xfec00000, 0xfee00000, 0xc000,
                                  0xcf8,      0x10,       0xfebff000, 0xfffff000};
  std::vector<base::Range> memory;
  size_t seen = 0, activations = 0;
  for (unsigned i = 0; i < 100000; ++i) {
    const bool command = random() % 4 == 0;
    const auto offset =
        static_cast<uint16_t>(command ? header::kCommand : header::kBar0 + random() % 24);
    const auto width = command ? Width::k2 : static_cast<Width>(1u << random() % 3);
    const uint32_t value = random() % 2 == 0 ? interesting[random() % std::size(interesting)]
                                             : static_cast<uint32_t>(random());
    map.Apply(function, function.WriteConfig(offset, width, value), {});
    for (; seen < function.applied.size(); ++seen) {
      const BarChange& change = function.applied[seen];
      if (change.index == 3) continue;
      if (change.active) {
        ++activations;
        ASSERT_EQ(CheckBar(change.range, BarKind::kMemory64, windows, memory), BarFit::kFits);
        memory.push_back(change.range);
      } else {
        ASSERT_EQ(std::erase(memory, change.range), 1u);
      }
    }
    ASSERT_EQ(memory.size(), map.Active(false).size());
  }
  EXPECT_GT(activations, 100u);
}

}  // namespace
}  // namespace vmm::pci
