#include "vfio/reset_facts.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "tests/support/fake_kernel.h"
#include "tests/support/fake_tree.h"
#include "tests/support/fake_vfio_device.h"
#include "tests/support/matchers.h"

namespace vfio {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::Optional;

constexpr sysfs::PciAddress kIntel{0, 5, 1, 0};
constexpr sysfs::PciAddress kRealtek{0, 5, 2, 0};
constexpr sysfs::PciAddress kDrive{0, 8, 0, 0};

// A conventional bus with two cards in one group, and a drive behind a port of its own.
class ResetFactsTest : public testing::Test {
 protected:
  ResetFactsTest() {
    tree.AddDriver("vfio-pci", true);
    for (const char* bridge : {"0000:04:00.0", "0000:00:14.0", "0000:00:16.0"})
      tree.AddDevice({.bdf = bridge, .class_code = 0x060400});
    Add("0000:05:01.0", "0000:04:00.0", "bus\n");
    Add("0000:05:02.0", "0000:04:00.0", "\n");
    Add("0000:08:00.0", "0000:00:16.0", "flr bus\n", 21);
  }
  void Add(const char* bdf, const char* parent, const char* methods, unsigned group = 18) {
    tree.AddDevice({.bdf = bdf, .driver = "vfio-pci", .group = group, .parent = parent});
    tree.AddFile(std::string("/sys/bus/pci/devices/") + bdf + "/reset_method", methods);
  }
  ResetFacts Predict(const sysfs::PciAddress& device, ResetOwner owner) {
    return PredictReset(tree, device, owner);
  }

  test::FakeTree tree;
};

TEST_F(ResetFactsTest, AFunctionLevelResetNeedsNoLookAround) {
  const ResetFacts facts = Predict(kDrive, {{kDrive}, {kDrive}});
  EXPECT_TRUE(facts.own);
  EXPECT_EQ(facts.set, std::nullopt);
}

TEST_F(ResetFactsTest, TheBusMethodWorksForNobodyWhoHasASibling) {
  const ResetFacts facts = Predict(kIntel, {{kIntel, kRealtek}, {kIntel, kRealtek}});
  EXPECT_FALSE(facts.own);
  EXPECT_THAT(facts.set,
              Optional(ElementsAre(ResetMember{kIntel, true}, ResetMember{kRealtek, true})));
  Add("0000:06:00.0", "0000:00:14.0", "bus\n", 19);
  EXPECT_TRUE(Predict({0, 6, 0, 0}, {{}, {}}).own);
}

TEST_F(ResetFactsTest, AnIdleMemberOfOurGroupIsOurs) {
  EXPECT_TRUE(Predict(kIntel, {{kIntel}, {kIntel}}).set->at(1).ours);
  // Assigned, but not to be reset now.
  EXPECT_FALSE(Predict(kIntel, {{kIntel}, {kIntel, kRealtek}}).set->at(1).ours);
}

TEST_F(ResetFactsTest, AMemberThatIsNotOnVfioIsNot) {
  ASSERT_THAT(tree.Write("/sys/bus/pci/drivers/vfio-pci/unbind", "0000:05:02.0"), IsOk());
  EXPECT_FALSE(Predict(kIntel, {{kIntel}, {kIntel}}).set->at(1).ours);
}

TEST_F(ResetFactsTest, AMemberOfAnotherGroupIsNot) {
  Add("0000:05:03.0", "0000:04:00.0", "\n", 30);
  EXPECT_FALSE(Predict(kIntel, {{kIntel}, {kIntel}}).set->at(2).ours);
}

TEST_F(ResetFactsTest, ThePlanOfAMachineIsShownBeforeItStarts) {
  const sysfs::PciAddress both[] = {kIntel, kRealtek, kDrive};
  const auto scopes = PredictResets(tree, both);
  EXPECT_EQ(scopes[0].Text(), "bus reset, together with 0000:05:02.0");
  EXPECT_EQ(scopes[1].leader, kIntel);
  EXPECT_EQ(scopes[2].Text(), "function reset (flr)");
}

TEST_F(ResetFactsTest, AnOpenDeviceIsAskedOfTheKernel) {
  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake(kIntel);
  fake.SetResettable(false);
  fake.SetHotReset({{kIntel, 1}, {kRealtek, 0xffffffff}}, true);
  const Device device = std::move(*fake.Open(kernel));
  const auto facts = AskReset(tree, device, {{kIntel}, {kIntel}});
  ASSERT_THAT(facts, IsOk());
  EXPECT_FALSE(facts->own);
  EXPECT_THAT(facts->set,
              Optional(ElementsAre(ResetMember{kIntel, true}, ResetMember{kRealtek, false})));
  fake.SetHotReset({{kIntel, 1}, {kRealtek, 0}}, true);
  EXPECT_TRUE(AskReset(tree, device, {{kIntel}, {kIntel}})->set->at(1).ours);
  fake.Fail("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", EIO);
  EXPECT_THAT(AskReset(tree, device, {{kIntel}, {kIntel}}), FailsWith(base::Code::kKernel));
}

TEST_F(ResetFactsTest, AnOpenDeviceWithAFunctionLevelResetIsNotAsked) {
  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake(kDrive);
  const Device device = std::move(*fake.Open(kernel));
  EXPECT_TRUE(AskReset(tree, device, {{kDrive}, {kDrive}})->own);
  EXPECT_EQ(kernel.count("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO"), 0u);
}

}  // namespace
}  // namespace vfio
