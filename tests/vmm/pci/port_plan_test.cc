#include "vmm/pci/port_plan.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/fake_function.h"
#include "tests/support/matchers.h"
#include "vmm/pci/bars.h"

namespace vmm::pci {
namespace {

using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

TEST(PlanResources, AnEmptyPortHasRoom) {
  const std::vector<PortContent> ports = {{"root port 1", {}}};
  const auto plan = PlanResources({}, ports, test::LayoutWithWindows());
  ASSERT_THAT(plan, IsOk());
  const PortWindows& windows = plan->ports[0].windows;
  EXPECT_EQ(windows.memory.size, kPortMemory);
  EXPECT_EQ(windows.prefetch.size, base::kGiB);
  EXPECT_TRUE(windows.io.empty());
}

TEST(PlanResources, WithoutAHighWindowAllIsLow) {
  Layout layout = test::LayoutWithWindows();
  layout.mmio64 = {};
  const std::vector<PortContent> ports = {
      {"root port 1", {{"a", {{0, BarKind::kMemory64, 16 * base::kMiB, true}}}}}};
  const auto plan = PlanResources({}, ports, layout);
  ASSERT_THAT(plan, IsOk());
  EXPECT_TRUE(plan->ports[0].windows.prefetch.empty());
  EXPECT_EQ(plan->ports[0].windows.memory.size, 16 * base::kMiB);
}

TEST(PlanResources, NamesThePortWithoutRoom) {
  const std::vector<PortContent> ports = {
      {"root port 7", {{"0000:08:00.0", {{0, BarKind::kMemory64, 128 * base::kGiB, true}}}}}};
  EXPECT_THAT(
      PlanResources({}, ports, test::LayoutWithWindows()),
      test::FailsWith(base::Code::kUnfit, AllOf(HasSubstr("root port 7"), HasSubstr("128 GiB"))));
}

// A card for which the guest found room is no reason not to boot again.
TEST(PlanResources, WhatPortsHaveInReserveMakesWay) {
  const std::vector<PortContent> ports = {{"root port 1",
                                           {{"gpu",
                                             {{0, BarKind::kMemory64, 32 * base::kGiB, true},
                                              {2, BarKind::kMemory64, 32 * base::kMiB, true},
                                              {4, BarKind::kMemory32, 16 * base::kMiB, false}}}}},
                                          {"root port 2", {}}};
  const auto plan = PlanResources({}, ports, test::LayoutWithWindows());
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->ports[0].bars.size(), 3u);
  EXPECT_TRUE(plan->ports[1].windows.prefetch.empty());
  EXPECT_EQ(plan->ports[1].windows.memory.size, kPortMemory);
}

TEST(PlanResources, CardsWithoutPortsStillHaveTheirMemory) {
  const PortContent port = {
      "port",
      {{"nic", {{0, BarKind::kMemory32, 128 * base::kKiB, false}, {2, BarKind::kIo, 32, false}}}}};
  const auto few = PlanResources({}, std::vector<PortContent>(4, port), test::LayoutWithWindows());
  ASSERT_THAT(few, IsOk());
  EXPECT_EQ(few->ports[3].bars.size(), 2u);
  const auto many = PlanResources({}, std::vector<PortContent>(5, port), test::LayoutWithWindows());
  ASSERT_THAT(many, IsOk());
  for (const PortPlan& one : many->ports) {
    EXPECT_EQ(one.bars.size(), 1u);
    EXPECT_TRUE(one.windows.io.empty());
  }
}

// Whatever is plugged in: BARs lie in their port's windows, windows lie in the machine's, and
// nothing overlaps.
TEST(PlanResources, RandomCardsLieInTheirWindows) {
  std::mt19937_64 random(11);
  const Layout layout = test::LayoutWithWindows();
  const BarWindows machine = WindowsOf(layout);
  unsigned planned = 0;
  for (unsigned round = 0; round < 300; ++round) {
    std::vector<PortContent> ports(1 + random() % 8);
    for (PortContent& port : ports) {
      port.name = "port";
      port.functions.resize(random() % 3);
      for (FunctionBars& function : port.functions) {
        for (unsigned i = 0; i < 6; i += 2) {
          const auto kind = static_cast<BarKind>(random() % 3);
          const uint64_t shift = kind == BarKind::kIo ? 2 + random() % 6 : 4 + random() % 24;
          function.bars.push_back({i, kind, uint64_t{1} << shift, random() % 2 == 0});
        }
      }
    }
    const auto plan = PlanResources({}, ports, layout);
    if (!plan) continue;
    ++planned;
    std::vector<base::Range> memory, io;
    for (size_t p = 0; p < ports.size(); ++p) {
      const PortWindows& windows = plan->ports[p].windows;
      for (const base::Range& window : {windows.memory, windows.prefetch}) {
        if (window.empty()) continue;
        ASSERT_EQ(window.base % base::kMiB, 0u);
        ASSERT_EQ(CheckBar(window, BarKind::kMemory64, machine, memory), BarFit::kFits);
        memory.push_back(window);
      }
      if (!windows.io.empty()) {
        ASSERT_EQ(CheckBar(windows.io, BarKind::kIo, machine, io), BarFit::kFits);
        io.push_back(windows.io);
      }
      std::vector<base::Range> taken;
      for (const BarPlacement& bar : plan->ports[p].bars) {
        const BarInfo& info = ports[p].functions[bar.function].bars[bar.index / 2];
        const base::Range range{bar.address, info.size};
        const base::Range& home = info.kind == BarKind::kIo ? windows.io
                                  : PrefersHigh(info)       ? windows.prefetch
                                                            : windows.memory;
        ASSERT_TRUE(home.Contains(range));
        for (const base::Range& other : taken) ASSERT_FALSE(other.Overlaps(range));
        taken.push_back(range);
      }
    }
  }
  EXPECT_GT(planned, 200u);
}

}  // namespace
}  // namespace vmm::pci
