#include "sysfs/assignment/viability.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::FakeDevice;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

class Viability : public testing::Test {
 protected:
  Viability() {
    tree_.AddDriver("e1000");
    tree_.AddDriver("8139cp");
    tree_.AddDriver("shpchp");
    tree_.AddDriver("pcieport", true);
    tree_.AddDriver("pci-stub", true);
    tree_.AddDriver("vfio-pci", true);
  }

  // The e1000 of group 5 with one sibling of class `class_code` on `driver`.
  base::Status CheckWithSibling(uint32_t class_code, const std::string& driver,
                                std::vector<PciAddress> moving = {}, const ForceSet& force = {}) {
    tree_.AddDevice({.bdf = "0000:06:01.0", .class_code = 0x020000, .driver = "e1000", .group = 5});
    tree_.AddDevice(
        {.bdf = "0000:06:02.0", .class_code = class_code, .driver = driver, .group = 5});
    return Check("0000:06:01.0", std::move(moving), force);
  }

  base::Status Check(const std::string& bdf, std::vector<PciAddress> moving = {},
                     const ForceSet& force = {}) {
    const PciDevice device = ReadDevice(tree_, *PciAddress::Parse(bdf)).value();
    return CheckViability(ReadViability(tree_, device), moving, force);
  }

  std::string MissingIommuHint() {
    tree_.AddDevice({.bdf = "0000:06:01.0", .class_code = 0x020000});
    const auto status = Check("0000:06:01.0");
    EXPECT_THAT(status, FailsWith(Code::kUnfit, HasSubstr("0000:06:01.0: has no IOMMU group")));
    return status ? "" : status.error().message() + " | " + status.error().hint();
  }

  test::FakeTree tree_;
};

TEST_F(Viability, RefusesABridge) {
  tree_.AddDevice({.bdf = "0000:00:01.0", .class_code = 0x060400, .group = 1});
  EXPECT_THAT(Check("0000:00:01.0"), FailsWith(Code::kUnfit, HasSubstr("bridge")));
}

TEST_F(Viability, SaysThatThereIsNoIommu) {
  EXPECT_THAT(MissingIommuHint(), HasSubstr("firmware setup"));
}

TEST_F(Viability, SaysThatTheKernelDoesNotUseAnIntelIommu) {
  tree_.AddFile("/sys/firmware/acpi/tables/DMAR", "");
  tree_.AddDirectory("/sys/class/iommu");
  EXPECT_THAT(MissingIommuHint(), AllOf(HasSubstr("DMAR"), HasSubstr("intel_iommu=on")));
}

TEST_F(Viability, SaysThatTheKernelDoesNotUseAnAmdIommu) {
  tree_.AddFile("/sys/firmware/acpi/tables/IVRS", "");
  EXPECT_THAT(MissingIommuHint(), AllOf(HasSubstr("IVRS"), HasSubstr("AMD-Vi")));
}

TEST_F(Viability, SaysThatTheDriverOfAVirtioIommuIsMissing) {
  tree_.AddFile("/sys/firmware/acpi/tables/VIOT", "");
  EXPECT_THAT(MissingIommuHint(), HasSubstr("virtio_iommu"));
}

TEST_F(Viability, SaysThatTheCommandLineSwitchesItOff) {
  tree_.AddFile("/sys/firmware/acpi/tables/DMAR", "");
  tree_.AddFile("/proc/cmdline", "quiet intel_iommu=off\n");
  EXPECT_THAT(MissingIommuHint(), HasSubstr("remove intel_iommu=off"));
}

TEST_F(Viability, SaysThatTheDeviceIsNotBehindTheIommu) {
  tree_.AddDirectory("/sys/class/iommu/dmar0");
  EXPECT_THAT(MissingIommuHint(), HasSubstr("not behind it"));
}

TEST_F(Viability, NamesTheSiblingInTheWayAndTheCommandThatCuresIt) {
  const auto status = CheckWithSibling(0x020000, "8139cp");
  ASSERT_THAT(status, FailsWith(Code::kUnfit,
                                AllOf(HasSubstr("group 5"), HasSubstr("0000:06:02.0 (8139cp)"))));
  EXPECT_THAT(
      status.error().hint(),
      HasSubstr("vassign bind 0000:06:01.0 --group, or vassign bind 0000:06:01.0 0000:06:02.0"));
}

TEST_F(Viability, ParksABridgeInTheWay) {
  const auto status = CheckWithSibling(0x060400, "shpchp");
  ASSERT_THAT(status, FailsWith(Code::kUnfit));
  EXPECT_THAT(status.error().hint(),
              HasSubstr("vassign bind 0000:06:02.0 --driver pci-stub; vassign bind 0000:06:01.0"));
}

TEST_F(Viability, ForcePasses) {
  EXPECT_THAT(CheckWithSibling(0x020000, "8139cp", {}, {ForceReason::kGroup}), IsOk());
  EXPECT_THAT(Check("0000:06:01.0", {}, {ForceReason::kMounted}), FailsWith(Code::kUnfit));
}

TEST_F(Viability, SiblingThatMovesTooBlocksNobody) {
  EXPECT_THAT(CheckWithSibling(0x020000, "8139cp", {PciAddress{0, 6, 2, 0}}), IsOk());
}

TEST_F(Viability, NeutralSiblingsBlockNobody) {
  for (const char* driver : {"", "vfio-pci", "pci-stub", "pcieport"}) {
    EXPECT_THAT(CheckWithSibling(0x020000, driver), IsOk()) << driver;
  }
}

}  // namespace
}  // namespace sysfs
