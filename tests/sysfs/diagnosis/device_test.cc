#include "sysfs/diagnosis/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class JudgeDeviceTest : public testing::Test {
 protected:
  JudgeDeviceTest() {
    tree_.AddDriver("nvme", false, {"0108"});
    tree_.AddDriver("igb");
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDirectory("/sys/module/vfio_pci");
    tree_.AddFile("/proc/interrupts", "IR-PCI-MSIX-0000:08:00.0");
    tree_.AddDevice({.driver = "nvme", .group = 14});
    tree_.AddFile(kDevice + "/reset_method", "flr bus");
  }

  std::vector<Finding> JudgeIt(const std::string& bdf = "0000:08:00.0") {
    const PciDevice device = *ReadDevice(tree_, *PciAddress::Parse(bdf));
    const HostFacts host = ReadHostFacts(tree_, RecordedSources(tree_));
    return JudgeDevice(
        ReadDiagnosis(tree_, device, host, [&](const PciDevice&) { return evidence_; }));
  }

  static std::string Describe(const std::vector<Finding>& findings, const std::string& check) {
    std::string text;
    for (const Finding& one : findings) {
      if (one.check == check)
        text += std::string(Name(one.grade)) + ": " + one.text + " | " + one.cure;
    }
    return text;
  }

  const std::string kDevice = "/sys/bus/pci/devices/0000:08:00.0";
  test::FakeTree tree_;
  std::vector<Evidence> evidence_;
};

TEST_F(JudgeDeviceTest, AFreeDeviceHasNoBlocker) {
  const auto findings = JudgeIt();
  EXPECT_EQ(Judge(findings).worst, Grade::kGood);
  EXPECT_THAT(Describe(findings, "reset"), HasSubstr("flr, bus"));
  EXPECT_THAT(Describe(findings, "isolation"), HasSubstr("alone in group 14"));
}

TEST_F(JudgeDeviceTest, EveryPieceOfUseIsABlockerWithItsOverride) {
  Evidence mounted;
  mounted.path = {"0000:08:00.0", "nvme0n1p1", "mounted on /data"};
  mounted.reason = ForceReason::kMounted;
  mounted.cure = "umount /data";
  Evidence held;
  held.path = {"0000:08:00.0", "pid 12 (qemu) has /dev/vfio/14 open"};
  Evidence keyboard;
  keyboard.path = {"0000:08:00.0", "keyboard"};
  keyboard.refuses = false;
  evidence_ = {mounted, held, keyboard};
  const auto findings = JudgeIt();
  EXPECT_EQ(Judge(findings).blockers, 2U);
  EXPECT_EQ(Judge(findings).code, base::Code::kInUse);
  EXPECT_THAT(Describe(findings, "in-use"), HasSubstr("umount /data; --force=mounted takes it"));
  EXPECT_THAT(Describe(findings, "in-use"), HasSubstr("pid 12"));
  EXPECT_THAT(Describe(findings, "in-use"), HasSubstr("note: 0000:08:00.0 -> keyboard"));
}

// Whoever manages a device of the host is in the way; on a VFIO driver it is where it shall be.
TEST_F(JudgeDeviceTest, AManagerOfADeviceOnVfioIsWorthKnowing) {
  Evidence manager;
  manager.kind = UseKind::kForeign;
  manager.path = {"0000:08:00.0", "driverctl"};
  manager.reason = ForceReason::kForeign;
  evidence_ = {manager};
  EXPECT_EQ(Judge(JudgeIt()).blockers, 1U);
  tree_.AddDevice({.driver = "vfio-pci", .group = 14});
  const auto findings = JudgeIt();
  EXPECT_EQ(Judge(findings).blockers, 0U);
  EXPECT_THAT(Describe(findings, "in-use"), HasSubstr("note: 0000:08:00.0 -> driverctl"));
}

TEST_F(JudgeDeviceTest, AGroupHeldByAnotherDriver) {
  tree_.AddDevice({.bdf = "0000:09:00.0", .class_code = 0x020000, .driver = "igb", .group = 14});
  const auto findings = JudgeIt();
  EXPECT_EQ(Judge(findings).code, base::Code::kUnfit);
  EXPECT_THAT(Describe(findings, "group"), HasSubstr("0000:09:00.0 (igb)"));
  EXPECT_THAT(Describe(findings, "group"), HasSubstr("vassign bind 0000:08:00.0 0000:09:00.0"));
  EXPECT_THAT(Describe(findings, "isolation"), HasSubstr("unknown: group 14 has 2 functions"));
}

TEST_F(JudgeDeviceTest, ABridgeIsJudgedAsSuch) {
  tree_.AddDevice({.bdf = "0000:00:1c.0", .class_code = 0x060400, .group = 2});
  const auto findings = JudgeIt("0000:00:1c.0");
  EXPECT_EQ(Judge(findings).code, base::Code::kUnfit);
  EXPECT_THAT(Describe(findings, "group"), HasSubstr("is a bridge"));
}

TEST_F(JudgeDeviceTest, NoGroupIsTheIommusFault) {
  tree_.AddDevice({.bdf = "0000:0a:00.0"});
  tree_.AddFile("/sys/bus/pci/devices/0000:0a:00.0/reset_method", "flr\n");
  const auto findings = JudgeIt("0000:0a:00.0");
  EXPECT_EQ(Judge(findings).blockers, 1U);
  EXPECT_THAT(Describe(findings, "group"), HasSubstr("has no IOMMU group"));
}

TEST_F(JudgeDeviceTest, MemoryThatFirmwareKeepsMapped) {
  tree_.AddFile("/sys/kernel/iommu_groups/14/reserved_regions",
                "0x00000000000e0000 0x00000000000fffff direct-relaxable\n");
  EXPECT_EQ(Describe(JudgeIt(), "reserved-memory"), "");
  tree_.AddFile("/sys/kernel/iommu_groups/14/reserved_regions",
                "0x00000000000e0000 0x00000000000fffff direct\n");
  EXPECT_THAT(Describe(JudgeIt(), "reserved-memory"), HasSubstr("blocker: firmware keeps 0xe0000"));
}

TEST_F(JudgeDeviceTest, APhysicalFunctionWithVirtualOnes) {
  tree_.AddDevice({.bdf = "0000:03:00.0", .driver = "igb", .group = 3, .totalvfs = 7});
  EXPECT_EQ(Describe(JudgeIt("0000:03:00.0"), "sriov"), "");
  tree_.AddFile("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "2");
  const auto findings = JudgeIt("0000:03:00.0");
  EXPECT_EQ(Judge(findings).code, base::Code::kInUse);
  EXPECT_THAT(Describe(findings, "sriov"), HasSubstr("vassign sriov set 0000:03:00.0 0"));
}

TEST_F(JudgeDeviceTest, AnOldDriverThatMakesFunctionsByParameter) {
  tree_.AddDevice({.bdf = "0000:03:00.0", .driver = "igb", .group = 3, .totalvfs = 7});
  tree_.AddFile("/sys/module/igb/parameters/max_vfs", "0");
  EXPECT_THAT(Describe(JudgeIt("0000:03:00.0"), "sriov"), HasSubstr("max_vfs=N"));
}

TEST_F(JudgeDeviceTest, ADeviceThatCannotBeReset) {
  tree_.AddFile(kDevice + "/reset_method", "");
  EXPECT_THAT(
      Describe(JudgeIt(), "reset"),
      AllOf(HasSubstr("blocker: the kernel cannot reset it by itself, and it sits on a root"),
            HasSubstr("--force=no-reset")));
  tree_.Remove(kDevice + "/reset_method");
  EXPECT_THAT(Describe(JudgeIt(), "reset"), HasSubstr("warning: the kernel cannot reset it"));
  tree_.AddFile(kDevice + "/reset", "");  // before Linux 5.15
  EXPECT_THAT(Describe(JudgeIt(), "reset"), HasSubstr("good"));
}

TEST_F(JudgeDeviceTest, ADeviceThatOnlyItsBusResets) {
  const std::string mate = "/sys/bus/pci/devices/0000:05:02.0";
  tree_.AddDevice({.bdf = "0000:00:1e.0", .class_code = 0x060401});
  for (const char* bdf : {"0000:05:01.0", "0000:05:02.0"})
    tree_.AddDevice({.bdf = bdf, .class_code = 0xff0000, .group = 30, .parent = "0000:00:1e.0"});
  EXPECT_THAT(Describe(JudgeIt("0000:05:01.0"), "reset"),
              AllOf(HasSubstr("blocker"), HasSubstr("0000:05:02.0 too"),
                    HasSubstr("| vassign bind --group 0000:05:01.0")));
  tree_.AddLink(mate + "/driver", "/sys/bus/pci/drivers/vfio-pci");
  EXPECT_EQ(Describe(JudgeIt("0000:05:01.0"), "reset"), "good: with all of its bus | ");
}

TEST_F(JudgeDeviceTest, ASleepingDevice) {
  tree_.AddFile(kDevice + "/power_state", "D3cold");
  EXPECT_THAT(Describe(JudgeIt(), "power"), HasSubstr("note: it sleeps (D3cold)"));
}

TEST_F(JudgeDeviceTest, WhatTheKernelSaidOfIt) {
  tree_.AddFile("/proc/kmsg",
                "[1.0] vfio-pci 0000:08:00.0: not ready 65535ms after FLR; giving up");
  const auto findings = JudgeIt();
  EXPECT_EQ(Judge(findings).worst, Grade::kWarning);
  EXPECT_TRUE(std::any_of(findings.begin(), findings.end(), [](const Finding& one) {
    return one.text.find("giving up") != std::string::npos;
  }));
}

TEST_F(JudgeDeviceTest, InterruptRemappingIsAskedForGivenDevices) {
  tree_.AddFile("/proc/interrupts", "IO-APIC");
  EXPECT_THAT(Describe(JudgeIt(), "interrupt-remapping"), HasSubstr("blocker"));
}

}  // namespace
}  // namespace sysfs
