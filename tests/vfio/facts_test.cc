#include "vfio/facts.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace vfio {
namespace {

using base::Code;
using test::FailsWith;
using test::FakeTree;
using test::IsOkAnd;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

constexpr sysfs::PciAddress kNvme{0, 8, 0, 0};

TEST(FindGroup, RefusesWhatCannotBeAssigned) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:08:00.0"});
  tree.AddDevice({.bdf = "0000:00:01.0", .class_code = 0x060400, .group = 3});
  EXPECT_THAT(FindGroup(tree, {0, 9, 0, 0}), FailsWith(Code::kNotFound, HasSubstr("0000:09:00.0")));
  EXPECT_THAT(FindGroup(tree, kNvme), FailsWith(Code::kUnfit, HasSubstr("no IOMMU group")));
  EXPECT_THAT(FindGroup(tree, {0, 0, 1, 0}), FailsWith(Code::kUnfit, HasSubstr("bridge")));
}

TEST(FindGroup, IsTheLinksTarget) {
  FakeTree tree;
  tree.AddDevice({.bdf = "0000:08:00.0", .group = 14});
  EXPECT_THAT(FindGroup(tree, kNvme), IsOkAnd(14u));
}

TEST(FindDeviceFile, IsThereWithADriverOfVfioAlone) {
  FakeTree tree;
  tree.UseVfioCdevs();
  tree.AddDriver("nvme");
  tree.AddDriver("vfio-pci", true);
  tree.AddDevice({.bdf = "0000:08:00.0", .driver = "nvme", .group = 14});
  tree.AddDevice({.bdf = "0000:09:00.0", .driver = "vfio-pci", .group = 15});
  EXPECT_EQ(FindDeviceFile(tree, kNvme), std::nullopt);
  EXPECT_THAT(FindDeviceFile(tree, {0, 9, 0, 0}), Optional(HasSubstr("vfio")));
}

TEST(ReadAccessFacts, OfADeviceWithoutGroup) {
  FakeTree tree;
  tree.AddDriver("nvme");
  tree.AddDevice({.bdf = "0000:08:00.0", .driver = "nvme"});
  const AccessFacts facts = ReadAccessFacts(tree, kNvme, "/dev/vfio/0");
  EXPECT_EQ(facts.device, "0000:08:00.0");
  EXPECT_THAT(facts.driver, Optional(std::string("nvme")));
  EXPECT_FALSE(facts.on_vfio_driver);
  EXPECT_EQ(facts.group, std::nullopt);
}

TEST(ReadAccessFacts, FindsBlockersAndOtherProcesses) {
  FakeTree tree;
  tree.UseVfioCdevs();
  tree.AddDriver("igb");
  tree.AddDriver("vfio-pci", true);
  tree.AddDevice({.bdf = "0000:08:00.0", .driver = "vfio-pci", .group = 14});
  tree.AddDevice({.bdf = "0000:08:00.1", .driver = "igb", .group = 14});
  const std::string file = DeviceNode(FindDeviceFile(tree, kNvme).value_or("?"));
  tree.AddLink("/proc/self", "50");
  tree.AddLink("/proc/50/fd/3", "/dev/vfio/14");
  tree.AddLink("/proc/60/fd/3", "/dev/vfio/14");
  tree.AddLink("/proc/60/fd/4", file);
  tree.AddLink("/proc/70/fd/3", file);
  tree.AddFile("/proc/70/comm", "dpdk\n");

  const AccessFacts facts = ReadAccessFacts(tree, kNvme, "/dev/vfio/14");
  EXPECT_TRUE(facts.on_vfio_driver);
  EXPECT_THAT(facts.group, Optional(14u));
  ASSERT_EQ(facts.blockers.size(), 1u);
  EXPECT_EQ(facts.blockers[0].address.ToString(), "0000:08:00.1");
  EXPECT_EQ(facts.blockers[0].driver, "igb");
  EXPECT_THAT(facts.holders, ElementsAre(sysfs::Holder{60, "", "/dev/vfio/14"},
                                         sysfs::Holder{70, "dpdk", file, 1}));
}

TEST(ReadAccessFacts, OfADeviceThatIsGone) {
  const FakeTree tree;
  const AccessFacts facts = ReadAccessFacts(tree, kNvme, "/dev/vfio/14");
  EXPECT_EQ(facts.driver, std::nullopt);
  EXPECT_THAT(facts.holders, IsEmpty());
}

}  // namespace
}  // namespace vfio
