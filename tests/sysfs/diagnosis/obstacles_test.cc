#include "sysfs/diagnosis/obstacles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

class Obstacles : public testing::Test {
 protected:
  Obstacles() {
    tree_.AddDevice({.group = 14});
    tree_.AddFile("/proc/interrupts", " 1: 0 IR-IO-APIC 1-edge i8042\n");
    tree_.AddFile("/proc/sys/kernel/osrelease", "6.12.0\n");
  }
  base::Status Check(bool loads = false) {
    return CheckObstacles(tree_, *ReadDevice(tree_, {0, 8, 0, 0}), loads, [this] { return log_; });
  }
  test::FakeTree tree_;
  std::optional<std::string> log_;
};

TEST_F(Obstacles, NoneOnAHostThatIsReady) { EXPECT_THAT(Check(), IsOk()); }

TEST_F(Obstacles, InterruptsThatAreNotRemapped) {
  tree_.AddFile("/proc/interrupts", " 1: 0 IO-APIC 1-edge i8042\n");
  EXPECT_THAT(Check(), FailsWith(Code::kUnfit, HasSubstr("0000:08:00.0: interrupt-remapping: off: "
                                                         "VFIO refuses devices")));
  EXPECT_THAT(Check().error().hint(), HasSubstr("allow_unsafe_interrupts=1"));
  log_ = "DMAR-IR: BIOS sets x2apic opt out bit\n";
  EXPECT_THAT(Check().error().hint(), HasSubstr("no_x2apic_optout"));
  tree_.AddFile("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "Y\n");
  EXPECT_THAT(Check(), IsOk());
}

TEST_F(Obstacles, MemoryThatTheFirmwareKeepsMapped) {
  const std::string regions = "/sys/kernel/iommu_groups/14/reserved_regions";
  tree_.AddFile(regions,
                "0x0000000000000000 0x0000000000ffffff direct-relaxable\n"
                "0x00000000fee00000 0x00000000feefffff msi\n");
  EXPECT_THAT(Check(), IsOk());
  tree_.AddFile(regions, "0x000000007b800000 0x000000007bffffff direct\n");
  EXPECT_THAT(Check(), FailsWith(Code::kUnfit, AllOf(HasSubstr("reserved-memory: firmware keeps"),
                                                     HasSubstr("0x7b800000"))));
}

TEST_F(Obstacles, AModuleCountsOnlyWhereItHasToBeLoaded) {
  EXPECT_THAT(Check(true), FailsWith(Code::kUnsupported, HasSubstr("no vfio-pci")));
  EXPECT_THAT(Check(false), IsOk());
  tree_.AddFile("/lib/modules/6.12.0/modules.dep", "kernel/drivers/vfio/pci/vfio-pci.ko.xz:\n");
  EXPECT_THAT(Check(true), IsOk());
  tree_.AddFile("/etc/modprobe.d/a.conf", "blacklist vfio-pci\n");
  EXPECT_THAT(Check(true), FailsWith(Code::kUnfit, HasSubstr("vfio-pci: blacklisted")));
  EXPECT_THAT(Check(false), IsOk());
}

TEST_F(Obstacles, WithoutAGroupThereIsNothingToSay) {
  tree_.AddDevice({.bdf = "0000:01:00.0"});
  tree_.AddFile("/proc/interrupts", " 1: 0 IO-APIC 1-edge i8042\n");
  EXPECT_THAT(CheckObstacles(tree_, *ReadDevice(tree_, {0, 1, 0, 0}), true, {}), IsOk());
}

}  // namespace
}  // namespace sysfs
