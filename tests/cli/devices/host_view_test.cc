#include "cli/devices/host_view.h"

#include <gmock/gmock.h>

#include "tests/support/recorded_host.h"

namespace cli {
namespace {

using sysfs::PciAddress;
using sysfs::PciDevice;
using testing::ElementsAre;

class View : public testing::Test {
 protected:
  PciDevice Read(const PciAddress& address) const {
    return sysfs::ReadDevice(*tree_, address).value_or(PciDevice{});
  }
  std::unique_ptr<test::FakeTree> tree_ = test::LoadHost("host.txt");
};

TEST_F(View, GroupsKnowTheirBlockersAndIsolation) {
  HostView host(*tree_, {});
  EXPECT_EQ(host.GroupOf(14).isolated, true);
  EXPECT_EQ(host.GroupOf(16).isolated, false);
  ASSERT_EQ(host.GroupOf(16).blockers.size(), 1u);
  EXPECT_EQ(host.GroupOf(16).blockers[0].driver, "r8169");
  EXPECT_FALSE(host.GroupOf(999).known);
  EXPECT_EQ(host.GroupOf(999).isolated, std::nullopt);
}

TEST_F(View, TheAcsOverrideMakesIsolationUncertain) {
  tree_->AddFile("/proc/cmdline", "quiet pcie_acs_override=downstream,multifunction\n");
  HostView host(*tree_, {});
  EXPECT_TRUE(host.has_acs_override());
  EXPECT_EQ(host.GroupOf(14).isolated, std::nullopt);
  EXPECT_EQ(host.GroupOf(16).isolated, false);
}

TEST_F(View, VirtualFunctionsAreNumbered) {
  HostView host(*tree_, {});
  EXPECT_EQ(host.VfIndex(Read({0, 3, 0x10, 0})), 0u);
  EXPECT_EQ(host.VfIndex(Read({0, 3, 0x10, 2})), 1u);
  EXPECT_EQ(host.VfIndex(Read({0, 3, 0, 0})), std::nullopt);
  EXPECT_EQ(host.Autoprobe(Read({0, 3, 0, 0})), true);
  EXPECT_EQ(host.Autoprobe(Read({0, 9, 0, 0})), std::nullopt);
}

TEST_F(View, TheBestVfioDriverIsTheVariant) {
  HostView host(*tree_, {});
  EXPECT_EQ(host.VfioDriver(Read({0, 3, 0x10, 2})), "igbvf_vfio_pci");
  EXPECT_EQ(host.VfioDriver(Read({0, 8, 0, 0})), "vfio-pci");
  EXPECT_EQ(host.VfioDriver(Read({0, 0, 1, 0})), std::nullopt);
}

TEST_F(View, OwnersAreThoseThatHaveTheNodeOpen) {
  tree_->AddFile("/proc/4711/comm", "vmm\n");
  tree_->AddLink("/proc/4711/fd/9", "/dev/vfio/devices/vfio0");
  tree_->AddDirectory("/proc/1/fd");
  const std::vector<PciDevice> devices{Read({0, 0, 0x10, 0}), Read({0, 8, 0, 0})};
  HostView host(*tree_, {});
  host.LookForOwners(devices);
  EXPECT_EQ(host.OwnerOf(devices[0]), (Owner{4711, "vmm"}));
  EXPECT_EQ(host.OwnerOf(devices[1]), std::nullopt);
  EXPECT_TRUE(host.Unknown(devices[0]).empty());
}

TEST_F(View, WhatIsHiddenOrLockedIsUnknown) {
  std::vector<PciDevice> devices{Read({0, 0, 0x10, 0}), Read({0, 8, 0, 0})};
  devices[1].busy = true;
  HostView host(*tree_, {});
  host.LookForOwners(devices);
  ASSERT_EQ(host.Unknown(devices[0]).size(), 1u);
  EXPECT_EQ(host.Unknown(devices[0])[0].fact, "owner");
  ASSERT_EQ(host.Unknown(devices[1]).size(), 2u);
  EXPECT_EQ(host.Unknown(devices[1])[0].fact, "driver_override");
  EXPECT_EQ(host.Unknown(devices[1])[1].fact, "sriov.num");
}

}  // namespace
}  // namespace cli
