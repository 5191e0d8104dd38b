#include "cli/devices/device_facts.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"
#include "tests/support/stuck_tree.h"

namespace cli {
namespace {

using sysfs::PciAddress;
using test::FailsWith;
using testing::ElementsAre;
using testing::IsEmpty;

class Facts : public testing::Test {
 protected:
  DeviceFacts Read(const PciAddress& address) {
    auto facts = ReadFacts(*tree_, address, {"/nonexistent"});
    EXPECT_THAT(facts, test::IsOk());
    return facts.value_or(DeviceFacts{});
  }
  static std::vector<std::string> UnknownNames(const DeviceFacts& facts) {
    std::vector<std::string> names;
    for (const UnknownFact& fact : facts.unknown) names.push_back(fact.fact);
    return names;
  }
  std::unique_ptr<test::FakeTree> tree_ = test::LoadHost("host.txt");
};

TEST_F(Facts, AbsentDeviceIsNotFound) {
  EXPECT_THAT(ReadFacts(*tree_, {0, 0x77, 0, 0}, {}), FailsWith(base::Code::kNotFound));
}

TEST_F(Facts, HeaderOnlyConfigIsUnknownNotEmpty) {
  const DeviceFacts facts = Read({0, 9, 0, 0});
  EXPECT_FALSE(facts.config.has_value());
  EXPECT_THAT(UnknownNames(facts), ElementsAre("candidate_drivers", "capabilities"));
}

// What Linux resumes a device for: an attempt to read it fails the test.
class Asleep : public Facts,
               public testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(Asleep, DeviceIsNotWoken) {
  const std::string path = "/sys/bus/pci/devices/0000:08:00.0/";
  tree_->AddFile(path + "resource0_resize", "00000070\n");
  tree_->AddFile(path + GetParam().first, std::string(GetParam().second) + "\n");
  const std::set<std::string> forbidden{
      path + "config",         path + "current_link_speed", path + "current_link_width",
      path + "max_link_speed", path + "max_link_width",     path + "resource0_resize"};
  const test::StuckTree tree(std::move(tree_), forbidden, test::StuckTree::kFails);
  const auto facts = ReadFacts(tree, {0, 8, 0, 0}, {"/nonexistent"});
  ASSERT_THAT(facts, test::IsOk());
  EXPECT_FALSE(facts->config.has_value());
  EXPECT_FALSE(facts->link.has_value());
  EXPECT_FALSE(facts->bars[0].resizable.has_value());
  EXPECT_THAT(UnknownNames(*facts),
              ElementsAre("candidate_drivers", "link", "bars.resizable", "capabilities"));
}

INSTANTIATE_TEST_SUITE_P(States, Asleep,
                         testing::Values(std::pair("power_state", "D3cold"),
                                         std::pair("power_state", "D3hot"),
                                         std::pair("power_state", "D1"),
                                         std::pair("power/runtime_status", "suspended"),
                                         std::pair("power/runtime_status", "suspending")));

TEST_F(Facts, AwakeAndUndecidedDevicesAreRead) {
  tree_->AddFile("/sys/bus/pci/devices/0000:08:00.0/power_state", "unknown\n");
  tree_->AddFile("/sys/bus/pci/devices/0000:08:00.0/power/runtime_status", "unsupported\n");
  EXPECT_TRUE(Read({0, 8, 0, 0}).link.has_value());
}

TEST_F(Facts, LockedDeviceIsBusyNotAHang) {
  const test::StuckTree tree(std::move(tree_),
                             {"/sys/bus/pci/devices/0000:08:00.0/driver_override"});
  const auto facts = ReadFacts(tree, {0, 8, 0, 0}, {});
  ASSERT_THAT(facts, test::IsOk());
  EXPECT_TRUE(facts->device.busy);
  EXPECT_THAT(UnknownNames(*facts), testing::IsSupersetOf({"driver_override", "sriov.num"}));
}

TEST_F(Facts, OwnerIsWhoHasTheNodeOpen) {
  tree_->AddFile("/proc/4711/comm", "vmm\n");
  tree_->AddLink("/proc/4711/fd/9", "/dev/vfio/17");
  EXPECT_EQ(Read({0, 0, 0x10, 0}).owner, (Owner{4711, "vmm"}));
}

TEST_F(Facts, OwnerIsUnknownWhereProcessesAreHidden) {
  EXPECT_THAT(UnknownNames(Read({0, 0, 0x10, 0})), testing::Contains("owner"));
  tree_->AddDirectory("/proc/1/fd");
  EXPECT_THAT(UnknownNames(Read({0, 0, 0x10, 0})), testing::Not(testing::Contains("owner")));
}

TEST_F(Facts, BridgesHaveNoVfioDriver) { EXPECT_EQ(Read({0, 0, 1, 0}).vfio_driver, std::nullopt); }

TEST_F(Facts, DeviceThatDoesNotAnswerHasNoCapabilities) {
  tree_->AddBytes("/sys/bus/pci/devices/0000:08:00.0/config",
                  std::vector<std::byte>(4096, std::byte{0xff}));
  EXPECT_FALSE(Read({0, 8, 0, 0}).config.has_value());
}

TEST_F(Facts, ReadsTheDriveToAssign) {
  const DeviceFacts facts = Read({0, 8, 0, 0});
  EXPECT_THAT(facts.bridges, ElementsAre(PciAddress{0, 0, 2, 0}));
  EXPECT_THAT(facts.interfaces, ElementsAre("nvme0", "nvme0n1"));
  EXPECT_EQ(facts.vfio_driver, "vfio-pci");
  ASSERT_EQ(facts.members.size(), 1u);
  EXPECT_TRUE(facts.members[0].blocks);
  EXPECT_EQ(facts.group_node, std::nullopt);
  ASSERT_EQ(facts.bars.size(), 1u);
  EXPECT_EQ(facts.link->max_speed, "16.0 GT/s PCIe");
  EXPECT_EQ(facts.reset_methods, (std::vector<std::string>{"flr", "bus"}));
  ASSERT_TRUE(facts.config.has_value());
  EXPECT_EQ(facts.config->msix_vectors, 65u);
  EXPECT_EQ(facts.config->msi_vectors, std::nullopt);
  EXPECT_EQ(facts.config->function_level_reset, true);
  EXPECT_EQ(facts.sriov_autoprobe, true);
}

TEST_F(Facts, VfKnowsItsNumberAndVariantDriver) {
  const DeviceFacts facts = Read({0, 3, 0x10, 2});
  EXPECT_EQ(facts.vf_index, 1u);
  EXPECT_EQ(facts.vfio_driver, "igbvf_vfio_pci");
  EXPECT_FALSE(facts.members[0].blocks);
}

TEST_F(Facts, SharedGroupNamesTheBlocker) {
  const DeviceFacts facts = Read({0, 10, 2, 0});
  ASSERT_EQ(facts.members.size(), 3u);
  EXPECT_FALSE(facts.members[0].blocks);
  EXPECT_EQ(facts.members[1].driver, "r8169");
  EXPECT_TRUE(facts.members[1].blocks);
  EXPECT_FALSE(facts.members[2].blocks);
}

TEST_F(Facts, AssignedDeviceShowsItsNodesAndBarSizes) {
  const DeviceFacts facts = Read({0, 0, 0x10, 0});
  EXPECT_EQ(facts.group_node, "/dev/vfio/17");
  EXPECT_EQ(facts.device_node, "/dev/vfio/devices/vfio0");
  EXPECT_THAT(facts.bars[0].resizable.value(), ElementsAre(16u << 20, 32u << 20, 64u << 20));
  EXPECT_EQ(facts.config->msi_vectors, 32u);
}

TEST_F(Facts, WithoutAnIommuThereIsNoGroup) {
  const DeviceFacts facts = Read({0x10000, 1, 0, 0});
  EXPECT_FALSE(facts.group.has_value());
  EXPECT_THAT(facts.members, IsEmpty());
}

TEST(ParseConfig, RandomBytesStayInBounds) {
  std::mt19937 random(11);
  std::vector<std::byte> bytes(4096);
  for (int round = 0; round < 500; ++round) {
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    const auto facts = ParseConfig(std::span(bytes).first(random() % (bytes.size() + 1)));
    ASSERT_LE(facts.msi_vectors.value_or(0), 32u);
    ASSERT_LE(facts.msix_vectors.value_or(0), 2048u);
  }
}

}  // namespace
}  // namespace cli
