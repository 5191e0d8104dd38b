#include "vmm/stats.h"

#include <gmock/gmock.h>

namespace vmm {
namespace {

using testing::HasSubstr;

TEST(MachineStats, AddsTheExitsOfEachBoard) {
  MachineStats stats;
  ExitCounts exits{};
  exits[1] = 3;
  stats.Add(exits, {2, 5});
  exits[1] = 4;
  stats.Add(exits, {1, 0});
  EXPECT_EQ(stats.boards, 2u);
  EXPECT_THAT(FormatStats(stats), HasSubstr("boards=2"));
  EXPECT_THAT(FormatStats(stats), HasSubstr("route-commits=3 relayed-interrupts=5"));
  EXPECT_THAT(FormatStats(stats), HasSubstr("exits-port=7"));
}

TEST(FormatStats, SumsTheTrapsOfAllBars) {
  MachineStats stats;
  stats.devices.push_back({"0000:08:00.0", {}});
  stats.devices[0].counters.trapped = {1, 2, 0, 0, 0, 4};
  stats.devices[0].counters.set_irqs = 5;
  stats.devices[0].counters.iommu_faults = 6;
  EXPECT_THAT(FormatStats(stats), HasSubstr("0000:08:00.0 bar-traps=7"));
  EXPECT_THAT(FormatStats(stats), HasSubstr("set-irqs=5"));
  EXPECT_THAT(FormatStats(stats), HasSubstr("iommu-faults=6"));
}

TEST(FormatStats, CountsTheWorkOfEmulatedDevices) {
  MachineStats stats;
  stats.emulated.push_back({"disk0", 1, 2, 3, 4, 5, 6});
  EXPECT_THAT(FormatStats(stats),
              HasSubstr("\nstats: disk0 bar-traps=1 kicks=2 batches=3 requests=4 interrupts=5 "
                        "suppressed=6"));
}

}  // namespace
}  // namespace vmm
