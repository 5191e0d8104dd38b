#include "sysfs/iommu_group.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using test::FailsWith;
using test::FakeTree;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ReadGroup, AbsentIsNotFound) {
  FakeTree tree;
  EXPECT_THAT(ReadGroup(tree, 99), FailsWith(base::Code::kNotFound, HasSubstr("group 99")));
}

TEST(ReadGroup, ReadsMembersTypeAndReservedRegions) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:0a:01.0", .group = 7});
  tree.AddDevice({.bdf = "0000:0a:00.0", .group = 7});
  tree.AddFile("/sys/kernel/iommu_groups/7/reserved_regions",
               "0x00000000000a0000 0x00000000000bffff direct-relaxable\n"
               "0x00000000fee00000 0x00000000feefffff msi\n"
               "0x000000fd00000000 0x000000ffffffffff reserved\n"
               "0x00000000000e0000 0x00000000000effff direct\n"
               "0x2 0x1 reserved\nnonsense\n");
  const auto group = ReadGroup(tree, 7);
  ASSERT_THAT(group, test::IsOk());
  EXPECT_EQ(group->type, "DMA-FQ");
  EXPECT_THAT(group->members, ElementsAre(PciAddress{0, 10, 0, 0}, PciAddress{0, 10, 1, 0}));
  ASSERT_EQ(group->reserved.size(), 4u);
  EXPECT_EQ(group->reserved[0].kind, ReservedKind::kDirectRelaxable);
  EXPECT_EQ(group->reserved[1].kind, ReservedKind::kMsi);
  EXPECT_EQ(group->reserved[1].last, 0xfeefffffu);
  EXPECT_EQ(group->reserved[2].kind, ReservedKind::kReserved);
  EXPECT_EQ(group->reserved[3].kind, ReservedKind::kDirect);
}

class Group : public testing::Test {
 protected:
  Group() {
    tree_.AddDriver("nvme", false, {"0108"});
    tree_.AddDriver("pcieport", true, {"0604"});
    tree_.AddDriver("pci-stub", true);
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDriver("acme-vfio", true);  // a variant that only the module tree tells
  }
  std::vector<Blocker> BlockersWith(const std::string& sibling_driver) {
    tree_.AddDevice({.bdf = "0000:08:00.0", .driver = "vfio-pci", .group = 14});
    tree_.AddDevice({.bdf = "0000:08:00.1", .driver = sibling_driver, .group = 14});
    return FindBlockers(tree_, *ReadGroup(tree_, 14));
  }
  FakeTree tree_;
};

TEST_F(Group, NativeDriverBlocks) {
  const auto blockers = BlockersWith("nvme");
  ASSERT_EQ(blockers.size(), 1u);
  EXPECT_EQ(blockers[0].address, (PciAddress{0, 8, 0, 1}));
  EXPECT_EQ(blockers[0].driver, "nvme");
}

TEST_F(Group, DriverlessMemberIsNeutral) { EXPECT_THAT(BlockersWith(""), IsEmpty()); }
TEST_F(Group, PortDriverIsNeutral) { EXPECT_THAT(BlockersWith("pcieport"), IsEmpty()); }
TEST_F(Group, StubIsNeutral) { EXPECT_THAT(BlockersWith("pci-stub"), IsEmpty()); }
TEST_F(Group, VfioVariantIsNeutral) { EXPECT_THAT(BlockersWith("acme-vfio"), IsEmpty()); }

}  // namespace
}  // namespace sysfs
