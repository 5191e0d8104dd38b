#include "cli/devices/device_tree.h"

#include <gmock/gmock.h>

namespace cli {
namespace {

using sysfs::PciAddress;
using testing::ElementsAre;
using testing::IsEmpty;

class Tree : public testing::Test {
 protected:
  PlacedDevice& Add(PciAddress address, std::vector<PciAddress> bridges = {}) {
    PlacedDevice one;
    one.device.address = address;
    one.bridges = std::move(bridges);
    return devices_.emplace_back(std::move(one));
  }
  void AddVf(PciAddress address, PciAddress pf) { Add(address, {kPort}).device.physfn = pf; }
  std::vector<std::string> Lines(bool fold) const {
    std::vector<std::string> lines;
    for (const TreeRow& row : ArrangeTree(devices_, fold)) {
      const PlacedDevice& first = *row.shown.front();
      std::string line = row.branch + first.device.address.ToString();
      if (row.folded) line = row.branch + std::to_string(row.shown.size()) + " folded";
      lines.push_back(first.matches ? line : line + " (above)");
    }
    return lines;
  }

  static constexpr PciAddress kPort{0, 0, 1, 0};
  static constexpr PciAddress kPf{0, 3, 0, 0};
  std::vector<PlacedDevice> devices_;
};

TEST_F(Tree, NothingIsNoRow) { EXPECT_THAT(Lines(true), IsEmpty()); }

TEST_F(Tree, DevicesStandBelowTheirBridges) {
  Add({0, 0, 0, 0});
  Add(kPort);
  Add({0, 1, 0, 0}, {kPort});                              // a switch
  Add({0, 2, 0, 0}, {kPort, {0, 1, 0, 0}});                // its first port
  Add({0, 2, 1, 0}, {kPort, {0, 1, 0, 0}});                // its second
  Add({0, 3, 0, 0}, {kPort, {0, 1, 0, 0}, {0, 2, 0, 0}});  // behind the first
  EXPECT_THAT(Lines(true),
              ElementsAre("0000:00:00.0", "0000:00:01.0", "└─ 0000:01:00.0", "   ├─ 0000:02:00.0",
                          "   │  └─ 0000:03:00.0", "   └─ 0000:02:01.0"));
}

TEST_F(Tree, VirtualFunctionsAreFoldedBelowTheirPhysicalOne) {
  Add(kPort);
  Add(kPf, {kPort});
  Add({0, 3, 0, 1}, {kPort});
  for (uint8_t function = 0; function < 7; ++function) AddVf({0, 3, 0x10, function}, kPf);
  EXPECT_THAT(Lines(true),
              ElementsAre("0000:00:01.0", "├─ 0000:03:00.0", "│  └─ 7 folded", "└─ 0000:03:00.1"));
  EXPECT_EQ(Lines(false).size(), 10u);
  EXPECT_EQ(Lines(false)[2], "│  ├─ 0000:03:10.0");
}

TEST_F(Tree, WhatMatchesKeepsWhatIsAbove) {
  Add(kPort).matches = false;
  Add({0, 0, 2, 0}).matches = false;
  Add(kPf, {kPort}).matches = false;
  AddVf({0, 3, 0x10, 0}, kPf);
  AddVf({0, 3, 0x10, 1}, kPf);
  devices_.back().matches = false;
  EXPECT_THAT(Lines(false),
              ElementsAre("0000:00:01.0 (above)", "└─ 0000:03:00.0 (above)", "   └─ 0000:03:10.0"));
  EXPECT_THAT(Lines(true),
              ElementsAre("0000:00:01.0 (above)", "└─ 0000:03:00.0 (above)", "   └─ 1 folded"));
}

TEST_F(Tree, AMissingBridgeIsSkipped) {
  Add(kPort);
  Add({0, 3, 0, 0}, {kPort, {0, 1, 0, 0}});
  Add({0, 4, 0, 0}, {{0, 0, 9, 0}});
  EXPECT_THAT(Lines(true), ElementsAre("0000:00:01.0", "└─ 0000:03:00.0", "0000:04:00.0"));
}

TEST_F(Tree, NonsenseShowsEachDeviceOnce) {
  Add({0, 1, 0, 0}, {{0, 2, 0, 0}});
  Add({0, 2, 0, 0}, {{0, 1, 0, 0}});
  AddVf({0, 3, 0x10, 0}, {0, 3, 0x10, 1});
  AddVf({0, 3, 0x10, 1}, {0, 3, 0x10, 0});
  AddVf({0, 3, 0x10, 2}, {0, 3, 0x10, 2});
  EXPECT_EQ(Lines(false).size(), 5u);
  size_t shown = 0;
  for (const TreeRow& row : ArrangeTree(devices_, true)) shown += row.shown.size();
  EXPECT_EQ(shown, 5u);
}

}  // namespace
}  // namespace cli
