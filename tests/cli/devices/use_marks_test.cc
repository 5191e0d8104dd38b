#include "cli/devices/use_marks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"

namespace cli {
namespace {

using sysfs::Evidence;
using sysfs::UseKind;
using testing::ElementsAre;
using testing::IsEmpty;

const Evidence kRoute = {
    UseKind::kRoute, {"0000:02:00.0", "eth0", "br0", "default route"}, "", std::nullopt, ""};
const Evidence kSwap = {
    UseKind::kSwap, {"0000:02:00.0", "sda", "swap space"}, "", std::nullopt, ""};

Evidence Note() {
  Evidence note = {UseKind::kUsb, {"0000:02:00.0", "USB devices: 1-2"}, "", std::nullopt, ""};
  note.refuses = false;
  return note;
}

TEST(Marks, AreTheEndsOfTheChainsThatRefuse) {
  EXPECT_EQ(Marks({}), "");
  EXPECT_EQ(Marks({kRoute, kSwap, Note()}), "default route, swap space");
  EXPECT_EQ(Marks({Evidence{UseKind::kOpen, {}, "no path", std::nullopt, ""}}), "no path");
}

TEST(Chains, LeaveTheDeviceAway) {
  EXPECT_THAT(Chains({}), IsEmpty());
  EXPECT_THAT(Chains({kRoute, Note(), Evidence{}}),
              ElementsAre("eth0 -> br0 -> default route", "USB devices: 1-2 (does not refuse)"));
}

TEST(HostUseMarks, LooksAtTheTree) {
  test::FakeTree tree;
  tree.AddDevice({});
  tree.AddDevice({.bdf = "0000:00:01.0", .class_code = 0x060400});
  for (const char* bdf : {"0000:08:00.0", "0000:00:01.0"})
    tree.AddFile(std::string("/etc/driverctl.d/pci-") + bdf, "vfio-pci\n");
  const auto marks = HostUseMarks(tree);
  const auto found = marks(sysfs::ReadDevice(tree, {0, 8, 0, 0}).value());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].kind, UseKind::kForeign);
  // A bridge says nothing: what is behind it does.
  EXPECT_THAT(marks(sysfs::ReadDevice(tree, {0, 0, 1, 0}).value()), IsEmpty());
}

TEST(ClaimsOfAwake, ADiskThatSleepsIsNotAsked) {
  test::FakeTree tree;
  const auto claims = ClaimsOfAwake(tree, [](const std::string&) { return true; });
  EXPECT_TRUE(claims("/dev/sda"));
  tree.AddFile("/sys/class/block/sda/device/power/runtime_status", "active\n");
  EXPECT_TRUE(claims("/dev/sda"));
  tree.AddFile("/sys/class/block/sda/device/power/runtime_status", "suspended\n");
  EXPECT_FALSE(claims("/dev/sda"));
  EXPECT_FALSE(ClaimsOfAwake(tree, {}));
}

TEST(Marks, TellAFewOfMany) {
  std::vector<sysfs::Evidence> evidence(5);
  for (sysfs::Evidence& piece : evidence) piece.path = {"0000:08:00.0", "busy"};
  EXPECT_EQ(Marks(evidence), "busy, busy, busy, and 2 more");
}

}  // namespace
}  // namespace cli
