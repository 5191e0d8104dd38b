#include "sysfs/diagnosis/vfio_nodes.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr PciAddress kDrive{0, 8, 0, 0};

class VfioNodes : public testing::Test {
 protected:
  VfioNodes() {
    tree_.AddDevice({.driver = "vfio-pci", .group = 14});
    tree_.AddDirectory("/sys/bus/pci/devices/0000:08:00.0/vfio-dev/vfio3");
    for (const char* node :
         {"/dev/vfio/14", "/dev/vfio/vfio", "/dev/vfio/devices/vfio3", "/dev/iommu"})
      tree_.AddFile(node, "");
  }
  std::vector<VfioWay> Ways(std::vector<std::string> closed) {
    return ReadVfioWays(tree_, ReadDevice(tree_, kDrive).value(),
                        [closed](const std::string& path) {
                          return std::find(closed.begin(), closed.end(), path) == closed.end();
                        });
  }

  test::FakeTree tree_;
};

TEST_F(VfioNodes, OneWayThatIsOpenIsEnough) {
  const auto ways = Ways({"/dev/iommu"});
  EXPECT_THAT(ways, ElementsAre(VfioWay{{"/dev/vfio/devices/vfio3", "/dev/iommu"}, "/dev/iommu"},
                                VfioWay{{"/dev/vfio/14", "/dev/vfio/vfio"}, {}}));
  const auto finding = JudgeVfioNodes(kDrive, ways);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->grade, Grade::kGood);
  EXPECT_EQ(finding->text, "this user may open /dev/vfio/14 and /dev/vfio/vfio");
}

TEST_F(VfioNodes, WithoutOneTheClosedNodeIsNamedWithTheCure) {
  const auto finding = JudgeVfioNodes(kDrive, Ways({"/dev/vfio/devices/vfio3", "/dev/vfio/14"}));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->grade, Grade::kWarning);
  EXPECT_EQ(finding->text, "this user may not open /dev/vfio/devices/vfio3");
  EXPECT_THAT(finding->cure, HasSubstr("vassign with 0000:08:00.0 --fds"));
}

TEST_F(VfioNodes, ADeviceOfTheHostHasNone) {
  test::FakeTree tree;
  tree.AddDevice({.driver = "nvme", .group = 14});
  const auto ways =
      ReadVfioWays(tree, ReadDevice(tree, kDrive).value(), [](const std::string&) { return true; });
  EXPECT_THAT(ways, IsEmpty());
  EXPECT_FALSE(JudgeVfioNodes(kDrive, ways));
}

}  // namespace
}  // namespace sysfs
