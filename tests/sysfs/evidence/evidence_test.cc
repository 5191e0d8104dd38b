#include "sysfs/evidence/evidence.h"

#include <gtest/gtest.h>

#include "sysfs/evidence/parts.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const PciAddress kAddress{0, 8, 0, 0};

std::vector<Evidence> Find(const test::FakeTree& tree) {
  return FindEvidence(tree, ReadDevice(tree, kAddress).value(), {});
}

TEST(CheckEvidence, TellsAllPiecesWithRiskFlagAndCure) {
  const std::vector<Evidence> evidence = {
      {"nvme0n1 is mounted on /data", ForceReason::kMounted, "umount /data"},
      {"4 virtual functions are enabled on it", std::nullopt, "echo 0 > numvfs"}};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, ForceSet{}),
              FailsWith(Code::kInUse,
                        AllOf(HasSubstr("0000:08:00.0: in use"), HasSubstr("mounted on /data"),
                              HasSubstr("risk: the disk vanishes"), HasSubstr("--force=mounted"),
                              HasSubstr("umount /data"), HasSubstr("virtual functions"),
                              HasSubstr("cannot be overridden"))));
}

TEST(CheckEvidence, ForceCoversOnlyWhatItNames) {
  const std::vector<Evidence> evidence = {{"a", ForceReason::kMounted, ""},
                                          {"b", ForceReason::kNetdev, ""}};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, ForceSet{ForceReason::kMounted}),
              FailsWith(Code::kInUse, AllOf(HasSubstr("\n  b"), Not(HasSubstr("\n  a")))));
  EXPECT_THAT(
      CheckEvidence(kAddress, evidence, ForceSet{ForceReason::kMounted, ForceReason::kNetdev}),
      IsOk());
}

TEST(CheckEvidence, DeviceOfAnotherProcessIsNeverTaken) {
  const std::vector<Evidence> evidence = {{"pid 7", ForceReason::kAssigned, ""}};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, ForceSet{ForceReason::kAssigned}),
              FailsWith(Code::kInUse, HasSubstr("cannot be overridden")));
}

TEST(CheckEvidence, CommandWithoutTheOptionDoesNotNameIt) {
  const std::vector<Evidence> evidence = {{"a", ForceReason::kMounted, ""}};
  EXPECT_THAT(CheckEvidence(kAddress, evidence, std::nullopt),
              FailsWith(Code::kInUse, Not(HasSubstr("--force"))));
}

TEST(FindEvidence, IdleDeviceHasNone) {
  test::FakeTree tree;
  tree.AddDriver("nvme");
  tree.AddDevice({.driver = "nvme"});
  EXPECT_THAT(Find(tree), IsEmpty());
}

TEST(FindEvidence, VirtualFunctionsCannotBeOverridden) {
  test::FakeTree tree;
  tree.AddDriver("nvme");
  tree.AddDevice({.driver = "nvme", .totalvfs = 4});
  tree.AddDevice({.bdf = "0000:08:00.1", .physfn = "0000:08:00.0"});
  EXPECT_THAT(Find(tree), ElementsAre(AllOf(Field(&Evidence::reason, std::nullopt),
                                            Field(&Evidence::cure, HasSubstr("sriov_numvfs")))));
}

TEST(FindEvidence, BootDisplay) {
  test::FakeTree tree;
  tree.AddDriver("bochs-drm");
  tree.AddDevice({.class_code = 0x030000, .driver = "bochs-drm"});
  EXPECT_THAT(Find(tree), IsEmpty());
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/boot_vga", "1\n");
  EXPECT_THAT(Find(tree), ElementsAre(Field(&Evidence::reason, ForceReason::kConsole)));
}

TEST(FindEvidence, ForeignTool) {
  test::FakeTree tree;
  tree.AddDevice({});
  tree.AddFile("/etc/driverctl.d/pci-0000:08:00.0", "vfio-pci\n");
  EXPECT_THAT(Find(tree), ElementsAre(Field(&Evidence::reason, ForceReason::kForeign)));
}

TEST(NamesBelow, GoesByThePlaceOfTheDevice) {
  test::FakeTree tree;
  tree.AddLink("/sys/class/net/eth0", "../../devices/pci0000:00/0000:08:00.0/net/eth0");
  tree.AddLink("/sys/class/net/eth1", "../../devices/pci0000:00/0000:08:00.1/net/eth1");
  tree.AddLink("/sys/class/net/lo", "../../devices/virtual/net/lo");
  EXPECT_THAT(NamesBelow(tree, "/sys/class/net", kAddress), ElementsAre("eth0"));
  EXPECT_THAT(NamesBelow(tree, "/sys/class/absent", kAddress), IsEmpty());
}

}  // namespace
}  // namespace sysfs
