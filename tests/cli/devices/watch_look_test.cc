#include "cli/devices/watch_look.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"
#include "tests/support/stuck_tree.h"

namespace cli {
namespace {

using sysfs::PciAddress;

constexpr PciAddress kDrive{0, 8, 0, 0};

TEST(Look, NoSysfsIsAnError) {
  test::FakeTree tree;
  tree.Remove("/sys");
  EXPECT_THAT(Watcher(tree, {}, {}).LookAtAll({}), test::FailsWith(base::Code::kNotFound));
}

TEST(Look, AllOrOnlyWhatIsWanted) {
  const auto tree = test::LoadHost("host.txt");
  EXPECT_EQ(Watcher(*tree, {}, {}).LookAtAll({})->size(), 15u);
  const std::vector<PciAddress> only{{0, 0x77, 0, 0}, kDrive};
  EXPECT_EQ(Watcher(*tree, only, {}).LookAtAll({})->size(), 1u);
}

TEST(Look, ALaterOneKeepsWhatCannotChange) {
  auto tree = test::LoadHost("host.txt");
  const auto first = *Watcher(*tree, {}, {}).LookAtAll({});
  const test::StuckTree later(std::move(tree),
                              {"/sys/bus/pci/devices/0000:08:00.0/sriov_totalvfs",
                               "/sys/bus/pci/devices/0000:08:00.0/numa_node"},
                              test::StuckTree::kFails);
  const auto second = *Watcher(later, {}, {}).LookAtAll(first);
  EXPECT_EQ(second.at(kDrive).device.sriov_totalvfs, 4u);
  EXPECT_EQ(second.at(kDrive).device.sriov_numvfs, 0u);
  EXPECT_THAT(FindChanges(first, second), testing::IsEmpty());
}

TEST(Look, ALockedDeviceKeepsItsLastState) {
  auto tree = test::LoadHost("host.txt");
  tree->AddFile("/sys/bus/pci/devices/0000:08:00.0/driver_override", "vfio-pci\n");
  const auto first = *Watcher(*tree, {}, {}).LookAtAll({});
  const test::StuckTree stuck(std::move(tree),
                              {"/sys/bus/pci/devices/0000:08:00.0/driver_override"});
  const auto second =
      Watcher(stuck, {}, {})
          .LookAt(first, std::vector<sysfs::DeviceEvent>{{"unbind", "pci", "", "", kDrive}});
  EXPECT_EQ(second.at(kDrive).device.driver_override, "vfio-pci");
  EXPECT_EQ(second.size(), first.size());
}

TEST(Look, WithoutRightsTheOwnerIsUnknownNotNobody) {
  const auto tree = test::LoadHost("host.txt");
  const auto look = *Watcher(*tree, {}, {}).LookAtAll({});
  EXPECT_FALSE(look.at({0, 0, 0x10, 0}).owner_known);
  EXPECT_TRUE(look.at(kDrive).owner_known);
}

}  // namespace
}  // namespace cli
