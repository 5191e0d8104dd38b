#include "vfio/handed_over.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;
using Kind = HandedOver::Kind;

constexpr sysfs::PciAddress kDrive{0, 8, 0, 0};

TEST(HandedOver, IsRecognisedByItsPlaceInSysfs) {
  const auto file =
      RecogniseLink(5, "../../devices/pci0000:00/0000:00:10.0/0000:08:00.0/vfio-dev/vfio3");
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->kind, Kind::kDeviceFile);
  EXPECT_EQ(file->device, kDrive);
  EXPECT_EQ(file->node, "/dev/vfio/devices/vfio3");
  EXPECT_EQ(file->backend(), Backend::kIommufd);
  const auto group = RecogniseLink(6, "../../devices/virtual/vfio/14");
  ASSERT_THAT(group, IsOk());
  EXPECT_EQ(group->kind, Kind::kGroup);
  EXPECT_EQ(group->group, 14U);
  EXPECT_EQ(group->node, "/dev/vfio/14");
  EXPECT_EQ(group->backend(), Backend::kType1);
  EXPECT_EQ(RecogniseLink(7, "../../devices/virtual/misc/iommu")->kind, Kind::kIommufd);
  EXPECT_EQ(RecogniseLink(8, "../../devices/virtual/misc/vfio")->kind, Kind::kContainer);
}

TEST(HandedOver, AnythingElseIsRefused) {
  for (const char* const target :
       {"", "misc/iommu", "../../devices/virtual/misc/kvm", "../../devices/virtual/mem/null",
        "../../devices/virtual/vfio/x", "../../devices/virtual/net/14",
        "../../devices/platform/dev/vfio-dev/vfio0"}) {
    EXPECT_THAT(RecogniseLink(5, target), FailsWith(Code::kUsage, HasSubstr("fd=5"))) << target;
  }
  EXPECT_THAT(RecogniseLink(5, "../../devices/virtual/vfio/noiommu-0"),
              FailsWith(Code::kUnfit, HasSubstr("no-IOMMU")));
}

TEST(HandedOver, ADescriptorThatIsNone) {
  test::FakeTree tree;
  EXPECT_THAT(Recognise(tree, 987), FailsWith(Code::kUsage, HasSubstr("fd=987")));
  const base::Fd file(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_THAT(Recognise(tree, file.raw()), FailsWith(Code::kUsage, HasSubstr("no device")));
  const base::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_THAT(Recognise(tree, null.raw()), FailsWith(Code::kUsage, HasSubstr("device 1:3")));
  tree.AddLink("/sys/dev/char/1:3", "../../devices/virtual/vfio/14");
  EXPECT_THAT(Recognise(tree, null.raw()), IsOk());
}

class HandedOverGroup : public testing::Test {
 protected:
  HandedOverGroup() {
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.driver = "vfio-pci", .group = 14});
    for (const char* bdf : {"0000:09:00.0", "0000:09:00.1"})
      tree_.AddDevice({.bdf = bdf, .driver = "vfio-pci", .group = 15});
  }
  test::FakeTree tree_;
};

TEST_F(HandedOverGroup, OfOneDeviceIsThatDevice) {
  const auto group = RecogniseLink(5, "../../devices/virtual/vfio/14");
  EXPECT_EQ(*DeviceOf(tree_, *group, {}), kDrive);
  EXPECT_EQ(*DeviceOf(tree_, *group, kDrive), kDrive);
  EXPECT_THAT(DeviceOf(tree_, *group, sysfs::PciAddress{0, 9, 0, 0}),
              FailsWith(Code::kUsage, HasSubstr("not in IOMMU group 14")));
}

TEST_F(HandedOverGroup, OfSeveralNeedsAName) {
  const auto group = RecogniseLink(5, "../../devices/virtual/vfio/15");
  EXPECT_THAT(DeviceOf(tree_, *group, {}), FailsWith(Code::kUsage, HasSubstr("has 2 devices")));
  const sysfs::PciAddress second{0, 9, 0, 1};
  EXPECT_EQ(*DeviceOf(tree_, *group, second), second);
}

TEST_F(HandedOverGroup, ADeviceFileIsItsDevice) {
  const auto file = RecogniseLink(5, "../../devices/pci0000:00/0000:08:00.0/vfio-dev/vfio0");
  EXPECT_EQ(*DeviceOf(tree_, *file, {}), kDrive);
  EXPECT_THAT(DeviceOf(tree_, *file, sysfs::PciAddress{0, 9, 0, 0}), FailsWith(Code::kUsage));
  const auto iommufd = RecogniseLink(5, "../../devices/virtual/misc/iommu");
  EXPECT_THAT(DeviceOf(tree_, *iommufd, {}), FailsWith(Code::kUsage, HasSubstr("/dev/iommu")));
}

int Number() { return ::open("/dev/null", O_RDWR); }

TEST(HandedOverKernel, GivesOutADeviceOnceAndTheSharedOneAsOften) {
  test::ScriptedKernel below;
  HandedOverKernel kernel(below);
  const int device = Number();
  const int iommufd = Number();
  ASSERT_THAT(kernel.Take({Kind::kGroup, device, "/dev/vfio/14"}), IsOk());
  ASSERT_THAT(kernel.Take({Kind::kGroup, device, "/dev/vfio/14"}), IsOk());
  ASSERT_THAT(kernel.Take({Kind::kIommufd, iommufd, "/dev/iommu"}), IsOk());
  EXPECT_EQ(::fcntl(device, F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(iommufd, F_GETFD), FD_CLOEXEC);
  {
    const auto opened = kernel.Open("/dev/vfio/14", O_RDWR);
    ASSERT_THAT(opened, IsOk());
    EXPECT_EQ(opened->raw(), device);
  }
  EXPECT_EQ(::fcntl(device, F_GETFD), -1);
  for (int i = 0; i < 3; ++i) {
    const auto copy = kernel.Open("/dev/iommu", O_RDWR);
    ASSERT_THAT(copy, IsOk());
    EXPECT_NE(copy->raw(), iommufd);
    EXPECT_EQ(::fcntl(copy->raw(), F_GETFD), FD_CLOEXEC);
  }
}

TEST(HandedOverKernel, TwoDescriptorsOfOneFileAreAMistake) {
  test::ScriptedKernel below;
  HandedOverKernel kernel(below);
  const base::Fd other(Number());
  ASSERT_THAT(kernel.Take({Kind::kGroup, Number(), "/dev/vfio/14"}), IsOk());
  EXPECT_THAT(kernel.Take({Kind::kGroup, other.raw(), "/dev/vfio/14"}), FailsWith(Code::kUsage));
}

}  // namespace
}  // namespace vfio
