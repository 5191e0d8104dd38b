// What the fake promises of the kernel's behaviour, as tests of others rely on it.
#include "tests/support/fake_tree.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/matchers.h"

namespace test {
namespace {

using testing::ElementsAre;

const std::string kDevice = "/sys/bus/pci/devices/0000:08:00.0";
const std::string kDrivers = "/sys/bus/pci/drivers/";

class KernelRules : public testing::Test {
 protected:
  KernelRules() {
    tree_.AddDriver("nvme", false, {"0108"});
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.driver = "nvme", .group = 14});
  }
  int ErrnoOf(const std::string& path, const std::string& value) {
    const auto status = tree_.Write(path, value);
    return status ? 0 : status.error().err();
  }
  FakeTree tree_;
};

TEST_F(KernelRules, BindNeedsAMatch) {
  ASSERT_EQ(ErrnoOf(kDevice + "/driver/unbind", "0000:08:00.0"), 0);
  EXPECT_EQ(ErrnoOf(kDrivers + "vfio-pci/bind", "0000:08:00.0"), ENODEV);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/bind", "0000:99:00.0"), ENODEV);
  EXPECT_EQ(ErrnoOf(kDrivers + "absent/bind", "0000:08:00.0"), ENOENT);
  EXPECT_EQ(tree_.DriverOf("0000:08:00.0"), std::nullopt);
}

TEST_F(KernelRules, OverrideUnbindBindMovesTheDevice) {
  EXPECT_EQ(tree_.Read(kDevice + "/driver_override").value(), "(null)");
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", "vfio-pci"), 0);
  EXPECT_EQ(ErrnoOf(kDrivers + "vfio-pci/bind", "0000:08:00.0"), EBUSY);
  ASSERT_EQ(ErrnoOf(kDrivers + "nvme/unbind", "0000:08:00.0"), 0);
  EXPECT_FALSE(tree_.Exists(kDevice + "/driver"));
  EXPECT_FALSE(tree_.Exists("/dev/vfio/14"));
  ASSERT_EQ(ErrnoOf(kDrivers + "vfio-pci/bind", "0000:08:00.0"), 0);
  EXPECT_EQ(sysfs::LinkName(tree_, kDevice + "/driver"), "vfio-pci");
  EXPECT_TRUE(tree_.Exists("/dev/vfio/14"));
  EXPECT_THAT(tree_.Read(kDevice + "/uevent").value(), testing::StartsWith("DRIVER=vfio-pci\n"));
}

TEST_F(KernelRules, NewlineClearsTheOverrideAndEmptyDoesNothing) {
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", "vfio-pci\n"), 0);
  EXPECT_EQ(tree_.Read(kDevice + "/driver_override").value(), "vfio-pci");
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", ""), 0);
  EXPECT_EQ(tree_.OverrideOf("0000:08:00.0"), "vfio-pci");
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", "\n"), 0);
  EXPECT_EQ(tree_.OverrideOf("0000:08:00.0"), std::nullopt);
}

TEST_F(KernelRules, ProbeTakesWhatMatchesAndNeverComplains) {
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", "none"), 0);
  ASSERT_EQ(ErrnoOf(kDevice + "/driver/unbind", "0000:08:00.0"), 0);
  EXPECT_EQ(ErrnoOf("/sys/bus/pci/drivers_probe", "0000:08:00.0"), 0);
  EXPECT_EQ(tree_.DriverOf("0000:08:00.0"), std::nullopt);
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", "\n"), 0);
  EXPECT_EQ(ErrnoOf("/sys/bus/pci/drivers_probe", "0000:08:00.0"), 0);
  EXPECT_EQ(tree_.DriverOf("0000:08:00.0"), "nvme");
}

TEST_F(KernelRules, VfioRefusesBridgesGrouplessAndPfsWithVfs) {
  tree_.AddDevice({.bdf = "0000:00:1c.0", .class_code = 0x060400, .group = 1});
  tree_.AddDevice({.bdf = "0000:09:00.0"});
  tree_.AddDevice({.bdf = "0000:03:00.0", .group = 3, .totalvfs = 7});
  tree_.AddDevice({.bdf = "0000:03:10.0", .group = 4, .physfn = "0000:03:00.0"});
  for (const auto& [bdf, err] : std::vector<std::pair<std::string, int>>{
           {"0000:00:1c.0", EINVAL}, {"0000:09:00.0", EINVAL}, {"0000:03:00.0", EBUSY}}) {
    ASSERT_EQ(ErrnoOf("/sys/bus/pci/devices/" + bdf + "/driver_override", "vfio-pci"), 0);
    EXPECT_EQ(ErrnoOf(kDrivers + "vfio-pci/bind", bdf), err) << bdf;
  }
}

TEST_F(KernelRules, VfNeedsAutoprobeOrAnOverride) {
  tree_.AddDevice({.bdf = "0000:03:00.0", .group = 3, .totalvfs = 7});
  tree_.AddDevice({.bdf = "0000:03:10.0", .group = 4, .physfn = "0000:03:00.0"});
  ASSERT_EQ(ErrnoOf("/sys/bus/pci/devices/0000:03:00.0/sriov_drivers_autoprobe", "0"), 0);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/bind", "0000:03:10.0"), ENODEV);
  ASSERT_EQ(ErrnoOf("/sys/bus/pci/devices/0000:03:10.0/driver_override", "nvme"), 0);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/bind", "0000:03:10.0"), 0);
}

TEST_F(KernelRules, GroupNodeStaysWhileAMemberIsBound) {
  tree_.AddDevice({.bdf = "0000:08:00.1", .driver = "vfio-pci", .group = 14});
  tree_.AddDevice({.bdf = "0000:08:00.2", .driver = "vfio-pci", .group = 14});
  ASSERT_EQ(ErrnoOf(kDrivers + "vfio-pci/unbind", "0000:08:00.1"), 0);
  EXPECT_TRUE(tree_.Exists("/dev/vfio/14"));
  ASSERT_EQ(ErrnoOf(kDrivers + "vfio-pci/unbind", "0000:08:00.2"), 0);
  EXPECT_FALSE(tree_.Exists("/dev/vfio/14"));
}

TEST_F(KernelRules, WritesAreRecordedAndFailAsPlanned) {
  tree_.FailWrite(2, EIO);
  tree_.SwallowWrite(3);
  EXPECT_EQ(ErrnoOf(kDevice + "/driver_override", "vfio-pci"), 0);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/unbind", "0000:08:00.0"), EIO);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/unbind", "0000:08:00.0"), 0);
  EXPECT_EQ(tree_.DriverOf("0000:08:00.0"), "nvme");
  using Record = FakeTree::WriteRecord;
  EXPECT_THAT(tree_.writes(), ElementsAre(Record{kDevice + "/driver_override", "vfio-pci", 0},
                                          Record{kDrivers + "nvme/unbind", "0000:08:00.0", EIO},
                                          Record{kDrivers + "nvme/unbind", "0000:08:00.0", 0}));
  tree_.FailWritesFrom(1, EINTR);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/unbind", "0000:08:00.0"), EINTR);
  EXPECT_EQ(ErrnoOf(kDrivers + "nvme/unbind", "0000:08:00.0"), EINTR);
}

TEST_F(KernelRules, ProbeErrorsReachTheWriter) {
  tree_.FailProbe("vfio-pci", ENOMEM);
  ASSERT_EQ(ErrnoOf(kDevice + "/driver_override", "vfio-pci"), 0);
  ASSERT_EQ(ErrnoOf(kDrivers + "nvme/unbind", "0000:08:00.0"), 0);
  EXPECT_EQ(ErrnoOf(kDrivers + "vfio-pci/bind", "0000:08:00.0"), ENOMEM);
}

}  // namespace
}  // namespace test
