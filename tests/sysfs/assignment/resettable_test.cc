#include "sysfs/assignment/resettable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sysfs/assignment/assignment.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const PciAddress kCard{0, 5, 1, 0};
const PciAddress kMate{0, 5, 2, 0};

// Two cards below a bridge, which only a reset of their bus resets, and a drive that resets alone.
class Resettable : public testing::Test {
 protected:
  Resettable() {
    auto& tree = world_.tree();
    tree.AddDevice({.bdf = "0000:00:1e.0", .class_code = 0x060401});
    for (const char* bdf : {"0000:05:01.0", "0000:05:02.0"})
      tree.AddDevice({.bdf = bdf, .class_code = 0xff0000, .group = 30, .parent = "0000:00:1e.0"});
    tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/reset_method", "flr\n");
  }
  ResetReach Read(const PciAddress& address) {
    return ReadResetReach(world_.tree(), *ReadDevice(world_.tree(), address));
  }
  base::Status Bind(const BindRequest& request) {
    AssignmentHost host = world_.Host();
    TRY(sysfs::Bind(host, request));
    return {};
  }
  test::HostWorld world_;
};

TEST_F(Resettable, AFunctionWithAMethodResetsAlone) {
  EXPECT_EQ(Read({0, 8, 0, 0}), ResetReach());
  world_.tree().AddFile("/sys/bus/pci/devices/0000:05:01.0/reset_method", "pm");
  EXPECT_EQ(Read(kCard), ResetReach());
}

TEST_F(Resettable, WhereNoDeviceNamesMethodsNothingIsKnown) {
  world_.tree().Remove("/sys/bus/pci/devices/0000:08:00.0/reset_method");
  EXPECT_EQ(Read(kCard), ResetReach());
}

TEST_F(Resettable, ABusIsResetWithAllThatIsOnIt) {
  const ResetReach reach = Read(kCard);
  EXPECT_FALSE(reach.alone);
  EXPECT_TRUE(reach.has_bridge);
  EXPECT_THAT(reach.bus_mates, ElementsAre(kMate));
  const std::vector<PciAddress> one = {kCard}, both = {kCard, kMate};
  EXPECT_THAT(ExplainNoReset(reach, one).value_or(""), HasSubstr("take 0000:05:02.0 too"));
  EXPECT_EQ(ExplainNoReset(reach, both), std::nullopt);
}

TEST_F(Resettable, ARootBusHasNoReset) {
  world_.tree().AddDevice({.bdf = "0000:00:02.0", .class_code = 0xff0000, .group = 31});
  const std::vector<PciAddress> all = {{0, 0, 2, 0}, {0, 0, 0x1e, 0}};
  EXPECT_THAT(ExplainNoReset(Read(all[0]), all).value_or(""), HasSubstr("root bus"));
}

TEST_F(Resettable, BindRefusesAndNamesTheOthersAndTheOverride) {
  EXPECT_THAT(
      Bind({.devices = {kCard}}),
      FailsWith(Code::kUnfit, HasSubstr("0000:05:01.0: cannot be reset between two users")));
  EXPECT_THAT(
      Bind({.devices = {kCard}}).error().hint(),
      AllOf(HasSubstr("vassign bind 0000:05:01.0 0000:05:02.0"), HasSubstr("--force=no-reset")));
  EXPECT_TRUE(world_.tree().writes().empty());
  EXPECT_THAT(Bind({.devices = {kCard}, .force = ForceSet{ForceReason::kNoReset}}), IsOk());
  // On VFIO it stands in nobody's way any more.
  EXPECT_THAT(Read(kMate).bus_mates, Not(testing::Contains(kCard)));
  EXPECT_THAT(Bind({.devices = {kMate}}), IsOk());
}

TEST_F(Resettable, ThoseThatAreBoundTogetherAreResetTogether) {
  EXPECT_THAT(Bind({.devices = {kCard, kMate}}), IsOk());
}

TEST_F(Resettable, HidingADeviceNeedsNoReset) {
  world_.tree().AddDriver("pci-stub", true);
  EXPECT_THAT(Bind({.devices = {kCard}, .driver = "pci-stub"}), IsOk());
}

}  // namespace
}  // namespace sysfs
