#include "vmm/kvm/routes.h"

#include <gmock/gmock.h>

#include <set>
#include <utility>

namespace vmm::kvm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ChipRoutes, ArePinsOneToOneButForTheTimer) {
  const std::vector<ChipRoute> routes = ChipRoutes();
  EXPECT_EQ(routes.size(), 16u + 23u);
  EXPECT_THAT(routes, Contains(ChipRoute{0, Chip::kPicMaster, 0}));
  EXPECT_THAT(routes, Contains(ChipRoute{0, Chip::kIoApic, 2}));
  EXPECT_THAT(routes, Contains(ChipRoute{9, Chip::kPicSlave, 1}));
  EXPECT_THAT(routes, Contains(ChipRoute{23, Chip::kIoApic, 23}));
}

// KVM refuses a number that goes to two pins of one chip.
TEST(ChipRoutes, NoNumberGoesTwiceToOneChip) {
  std::set<std::pair<uint32_t, Chip>> seen;
  for (const ChipRoute& route : ChipRoutes()) {
    EXPECT_TRUE(seen.emplace(route.gsi, route.chip).second) << "number " << route.gsi;
  }
}

TEST(RouteTable, IgnoresNumbersThatNobodyHas) {
  RouteTable table;
  table.SetMsi(4, {0xfee00000, 1});   // a pin
  table.SetMsi(24, {0xfee00000, 1});  // not allocated
  table.Free(24);
  table.Free(UINT32_MAX);
  EXPECT_THAT(table.msi_routes(), IsEmpty());
  EXPECT_FALSE(table.changed());
}

TEST(RouteTable, RunsOutAtTheKernelsLimit) {
  RouteTable table;
  uint32_t count = 0;
  while (table.Allocate()) ++count;
  EXPECT_EQ(count + ChipRoutes().size(), kMaxRoutes);
  table.Free(kPinCount + 7);
  EXPECT_EQ(table.Allocate(), kPinCount + 7);
}

TEST(RouteTable, NumbersStartAboveThePins) {
  RouteTable table;
  EXPECT_EQ(table.Allocate(), 24u);
  EXPECT_EQ(table.Allocate(), 25u);
}

TEST(RouteTable, OnlyAnotherMessageIsAChange) {
  RouteTable table;
  const uint32_t gsi = *table.Allocate();
  EXPECT_FALSE(table.changed());
  table.SetMsi(gsi, {0xfee01000, 0x41});
  EXPECT_TRUE(table.changed());
  table.MarkCommitted();
  table.SetMsi(gsi, {0xfee01000, 0x41});
  EXPECT_FALSE(table.changed());
  table.SetMsi(gsi, {0xfee01000, 0x42});
  EXPECT_TRUE(table.changed());
  EXPECT_THAT(table.msi_routes(), ElementsAre(MsiRoute{gsi, {0xfee01000, 0x42}}));
}

TEST(RouteTable, FreeingForgetsTheRoute) {
  RouteTable table;
  const uint32_t gsi = *table.Allocate();
  table.SetMsi(gsi, {0xfee01000, 0x41});
  table.MarkCommitted();
  table.Free(gsi);
  EXPECT_FALSE(table.changed());
  EXPECT_THAT(table.msi_routes(), IsEmpty());
  EXPECT_EQ(table.Allocate(), gsi);
  EXPECT_FALSE(table.IsCommitted(gsi));
  table.SetMsi(gsi, {0xfee01000, 0x41});
  EXPECT_TRUE(table.changed());  // the one that KVM has is another's
}

TEST(RouteTable, KnowsWhatKvmHas) {
  RouteTable table;
  const uint32_t first = *table.Allocate();
  const uint32_t second = *table.Allocate();
  table.SetMsi(first, {0xfee01000, 0x41});
  table.MarkCommitted();
  EXPECT_TRUE(table.IsCommitted(first));
  EXPECT_FALSE(table.IsCommitted(second));  // has no message yet
  EXPECT_EQ(table.Message(second), std::nullopt);
  table.SetMsi(first, {0xfee01000, 0x42});
  EXPECT_FALSE(table.IsCommitted(first));
  EXPECT_EQ(table.Message(first), (MsiMessage{0xfee01000, 0x42}));
  EXPECT_FALSE(table.IsCommitted(7));  // a pin
}

}  // namespace
}  // namespace vmm::kvm
