#include "sysfs/pci_device.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/counting_tree.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "tests/support/unreadable_tree.h"

namespace sysfs {
namespace {

using test::FailsWith;
using test::FakeTree;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr PciAddress kDrive{0, 8, 0, 0};

TEST(ReadDevice, AbsentIsNotFoundByName) {
  FakeTree tree;
  EXPECT_THAT(ReadDevice(tree, kDrive),
              FailsWith(base::Code::kNotFound, HasSubstr("0000:08:00.0")));
}

TEST(ReadDevice, UeventWithoutIdsIsAnErrorNotADeviceOfZeros) {
  FakeTree tree;
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/uevent", "PCI_CLASS=10802\nPCI_ID=zz:1\n");
  EXPECT_THAT(ReadDevice(tree, kDrive), FailsWith(base::Code::kKernel));
}

TEST(ReadDevice, ReadsAllFacts) {
  FakeTree tree;
  tree.AddDriver("nvme", false, {"0108"});
  tree.AddDevice({.driver = "nvme", .group = 14, .numa_node = 1, .revision = 3});
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/driver_override", "vfio-pci\n");
  const auto device = ReadDevice(tree, kDrive);
  ASSERT_THAT(device, test::IsOk());
  EXPECT_EQ(device->vendor, 0x144d);
  EXPECT_EQ(device->device, 0xa808);
  EXPECT_EQ(device->subsystem_vendor, 0x144d);
  EXPECT_EQ(device->subsystem_device, 0xa801);
  EXPECT_EQ(device->class_code, 0x010802u);
  EXPECT_EQ(device->base_class(), 1);
  EXPECT_EQ(device->revision, 3);
  EXPECT_EQ(device->driver, "nvme");
  EXPECT_EQ(device->driver_override, "vfio-pci");
  EXPECT_EQ(device->iommu_group, 14u);
  EXPECT_EQ(device->numa_node, 1);
  EXPECT_EQ(device->modalias, "pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02");
  EXPECT_EQ(device->sriov_totalvfs, std::nullopt);
}

TEST(ReadDevice, AbsentFactsAreNothing) {
  FakeTree tree;
  tree.AddDevice({});
  const auto device = ReadDevice(tree, kDrive);
  EXPECT_EQ(device->driver, std::nullopt);
  EXPECT_EQ(device->driver_override, std::nullopt);
  EXPECT_EQ(device->iommu_group, std::nullopt);
  EXPECT_EQ(device->numa_node, std::nullopt);
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/driver_override", "\n");
  EXPECT_EQ(ReadDevice(tree, kDrive)->driver_override, std::nullopt);
}

TEST(ReadDevice, UnreadableIsNotUnset) {
  const std::string path = "/sys/bus/pci/devices/0000:08:00.0";
  FakeTree tree;
  tree.AddDevice({.totalvfs = 7});
  for (const std::string& name : {path + "/driver_override", path + "/sriov_numvfs"}) {
    for (const int err : {EIO, EACCES, ENODEV}) {
      const test::UnreadableTree broken(tree, {name}, err);
      const auto device = ReadDevice(broken, kDrive);
      ASSERT_FALSE(device) << name;
      EXPECT_THAT(device.error().message(), HasSubstr(name));
      EXPECT_EQ(device.error().err(), err);
      EXPECT_THAT(ReadDevice(broken, kDrive, Detail::kUnlocked), test::IsOk());
    }
  }
  tree.AddFile(path + "/sriov_numvfs", "many\n");
  EXPECT_THAT(ReadDevice(tree, kDrive), FailsWith(base::Code::kKernel, HasSubstr("sriov_numvfs")));
}

// A function that was left out would be left to its driver, and the change called a success.
TEST(ReadDevice, ALinkThatCannotBeReadIsNotAbsent) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:03:00.0", .group = 9, .totalvfs = 7});
  tree.AddDevice({.bdf = "0000:03:10.0", .physfn = "0000:03:00.0"});
  tree.AddDevice({.bdf = "0000:03:10.2", .physfn = "0000:03:00.0"});
  const PciAddress pf{0, 3, 0, 0};
  const std::string path = "/sys/bus/pci/devices/0000:03:00.0/";
  for (const char* const name : {"iommu_group", "physfn", "virtfn0", "virtfn1"}) {
    const test::UnreadableTree broken(tree, {path + name}, ENOMEM);
    EXPECT_THAT(ReadDevice(broken, pf), FailsWith(base::Code::kKernel, HasSubstr(name))) << name;
  }
}

TEST(ReadDevice, AbsentBehindTheLockIsUnset) {
  FakeTree tree;
  tree.AddDevice({.totalvfs = 7});
  tree.Remove("/sys/bus/pci/devices/0000:08:00.0/driver_override");
  tree.Remove("/sys/bus/pci/devices/0000:08:00.0/sriov_numvfs");
  const auto device = ReadDevice(tree, kDrive);
  ASSERT_THAT(device, test::IsOk());
  EXPECT_EQ(device->driver_override, std::nullopt);
  EXPECT_EQ(device->sriov_numvfs, std::nullopt);
}

TEST(ReadDevice, LinksFunctionsOfSriov) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:03:00.0", .totalvfs = 7});
  tree.AddDevice({.bdf = "0000:03:10.2", .physfn = "0000:03:00.0"});
  tree.AddDevice({.bdf = "0000:03:10.0", .physfn = "0000:03:00.0"});
  const auto pf = ReadDevice(tree, {0, 3, 0, 0});
  EXPECT_EQ(pf->sriov_totalvfs, 7u);
  EXPECT_EQ(pf->sriov_numvfs, 2u);
  EXPECT_THAT(pf->virtfns, ElementsAre(PciAddress{0, 3, 0x10, 2}, PciAddress{0, 3, 0x10, 0}));
  EXPECT_EQ(ReadDevice(tree, {0, 3, 0x10, 0})->physfn, (PciAddress{0, 3, 0, 0}));
}

TEST(ReadDevice, BriefReadsOneFileAndTwoLinks) {
  FakeTree tree;
  tree.AddDevice({.group = 14, .totalvfs = 7});
  test::CountingTree counting(tree);
  ASSERT_THAT(ReadDevice(counting, kDrive, Detail::kBrief), test::IsOk());
  const std::string path = "/sys/bus/pci/devices/0000:08:00.0";
  EXPECT_THAT(counting.calls,
              ElementsAre(path + "/uevent", path + "/iommu_group", path + "/physfn"));
  counting.calls.clear();
  ASSERT_THAT(ReadDevice(counting, kDrive, Detail::kIdentity), test::IsOk());
  EXPECT_THAT(counting.calls, ElementsAre(path + "/uevent", path + "/iommu_group"));
}

TEST(ReadDevices, SortsByAddressNotByText) {
  FakeTree tree;
  tree.AddDevice({.bdf = "10000:01:00.0"});
  tree.AddDevice({.bdf = "0000:08:00.0"});
  tree.AddDevice({.bdf = "0001:00:00.0"});
  tree.AddDirectory("/sys/bus/pci/devices/not-an-address");
  const auto devices = ReadDevices(tree);
  ASSERT_EQ(devices->size(), 3u);
  EXPECT_EQ((*devices)[2].address.domain, 0x10000u);
}

TEST(ReadDevices, LeavesOutWhatVanished) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:08:00.0"});
  tree.AddLink("/sys/bus/pci/devices/0000:09:00.0", "/sys/devices/gone");
  EXPECT_EQ(ReadDevices(tree)->size(), 1u);
}

TEST(ReadDevices, SaysThatSysfsIsMissing) {
  FakeTree tree;
  tree.Remove("/sys");
  const auto devices = ReadDevices(tree);
  ASSERT_FALSE(devices.has_value());
  EXPECT_THAT(devices.error().hint(), HasSubstr("mount"));
}

TEST(BridgesAbove, AreNamedFromTheRoot) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:00:01.0", .class_code = 0x060400});
  tree.AddDevice({.bdf = "0000:01:00.0", .class_code = 0x060400, .parent = "0000:00:01.0"});
  tree.AddDevice({.bdf = "0000:02:00.0", .parent = "0000:01:00.0"});
  EXPECT_THAT(BridgesAbove(tree, {0, 2, 0, 0}),
              ElementsAre(PciAddress{0, 0, 1, 0}, PciAddress{0, 1, 0, 0}));
  EXPECT_THAT(BridgesAbove(tree, {0, 0x77, 0, 0}), IsEmpty());
}

TEST(BridgesAbove, AreNotTheFunctionItself) {
  FakeTree tree;
  tree.AddLink("/sys/bus/pci/devices/0000:09:00.0", "../0000:09:00.0/nonsense/0000:09:00.0");
  EXPECT_THAT(BridgesAbove(tree, {0, 9, 0, 0}), IsEmpty());
}

TEST(ReadBars, KeepsIndexesAndLeavesOutEmptyOnes) {
  FakeTree tree;
  tree.AddDevice({});
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/resource",
               "0x00000000fe000000 0x00000000fe003fff 0x0000000000140204\n"
               "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
               "garbage\n"
               "0x0000000000001000 0x0000000000000fff 0x0000000000000200\n"
               "0x000000000000e000 0x000000000000e01f 0x0000000000040101\n"
               "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
               "0x00000000fe100000 0x00000000fe10ffff 0x0000000000046200\n"
               "0x00000000aa000000 0x00000000aaffffff 0x0000000000140204\n");
  const auto bars = ReadBars(tree, kDrive);
  ASSERT_EQ(bars.size(), 3u);
  EXPECT_EQ(bars[0].size, 0x4000u);
  EXPECT_EQ(bars[1].index, 4u);
  EXPECT_EQ(bars[2].index, 6u);
  EXPECT_EQ(bars[2].flags, 0x46200u);
}

TEST(ReadBars, NoFileIsNoBar) {
  FakeTree tree;
  EXPECT_THAT(ReadBars(tree, kDrive), IsEmpty());
}

}  // namespace
}  // namespace sysfs
