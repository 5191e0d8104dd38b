// One write of a run fails: what becomes of it, for every run and every write.
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/group.h"
#include "sysfs/assignment/reset.h"
#include "tests/support/faulty_tree.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"
#include "tests/support/unreadable_tree.h"

namespace sysfs {
namespace {

using test::Digest;
using test::Fault;
using test::FaultyTree;
using test::IsOk;
using testing::IsEmpty;
using World = test::HostWorld;

const PciAddress kDrive{0, 8, 0, 0};
const PciAddress kFirst{0, 9, 0, 0};
const PciAddress kSecond{0, 9, 0, 1};

// The bridge of the pair's group, on a driver that is in the way.
void AddBridge(World& world) {
  world.tree().AddDriver("shpchp", false, {"0604"});
  world.tree().AddDriver("pci-stub", true);
  world.tree().AddDevice(
      {.bdf = "0000:04:00.0", .class_code = 0x060400, .driver = "shpchp", .group = 15});
}

// A failure at each write in turn, and at each write of the undo after it: then the devices are as
// before, or restore makes them so.
TEST(AssignmentFailures, AnyFailureOfABindLeavesTheDeviceOrARecordThatRestoresIt) {
  for (const std::vector<PciAddress>& devices :
       {std::vector{kDrive}, std::vector{kFirst, kSecond}}) {
    for (size_t first = 1; first <= 3 * devices.size(); ++first) {
      for (size_t second = first; second <= first + 8; ++second) {
        World world;
        const Digest before = world.State();
        world.tree().FailWrite(first, EIO);
        world.tree().FailWrite(second, EIO);
        AssignmentHost host = world.Host();
        ASSERT_FALSE(Bind(host, {.devices = devices})) << first;
        if (world.State() == before) {
          EXPECT_THAT(world.Records(), IsEmpty()) << first << ", " << second;
          continue;
        }
        for (const PciAddress& address : devices) {
          AssignmentHost later = world.Host();
          // The second failure may be yet to come: it must not do harm to a restore either.
          if (Restore(later, address)) continue;
          ASSERT_THAT(Restore(later, address), IsOk()) << first << ", " << second;
        }
        EXPECT_EQ(world.State(), before) << first << ", " << second;
      }
    }
  }
}

TEST(AssignmentFailures, ARestoreThatFailsChangesNothingAndTheNextOneWorks) {
  for (size_t at = 1;; ++at) {
    ASSERT_LT(at, 20u);
    World world;
    const Digest before = world.State();
    AssignmentHost host = world.Host();
    ASSERT_THAT(Bind(host, {.devices = {kFirst, kSecond}}), IsOk());
    const Digest taken = world.State();
    FaultyTree faulty(world.tree(), at, Fault::kFails);
    AssignmentHost failing = world.Host(faulty);
    const auto result = Restore(failing, kSecond);
    if (!faulty.has_happened()) {
      EXPECT_THAT(result, IsOk());
      EXPECT_EQ(at, 6u);  // override, unbind, bind, override, power control
      break;
    }
    EXPECT_FALSE(result);
    EXPECT_EQ(world.State(), taken) << at;
    EXPECT_EQ(world.Records().size(), 2u);
    for (const PciAddress& address : {kFirst, kSecond})
      ASSERT_THAT(Restore(host, address), IsOk()) << at;
    EXPECT_EQ(world.State(), before) << at;
    EXPECT_THAT(world.Records(), IsEmpty());
  }
}

TEST(AssignmentFailures, AGroupThatFailsIsAsBefore) {
  for (size_t at = 1;; ++at) {
    ASSERT_LT(at, 30u);
    World world;
    AddBridge(world);
    const Digest before = world.State();
    FaultyTree faulty(world.tree(), at, Fault::kFails);
    AssignmentHost host = world.Host(faulty);
    const auto result = BindGroup(host, {.devices = {kFirst}});
    if (!faulty.has_happened()) {
      EXPECT_THAT(result, IsOk());
      break;
    }
    EXPECT_FALSE(result);
    EXPECT_EQ(world.State(), before) << at;
    EXPECT_EQ(world.tree().DriverOf("0000:04:00.0"), "shpchp") << at;
    EXPECT_EQ(world.tree().OverrideOf("0000:04:00.0"), std::nullopt) << at;
    EXPECT_THAT(world.Records(), IsEmpty()) << at;
  }
}

// Reads as the tree below, but for the first look at one file.
class BlinkingTree final : public test::TreeProxy {
 public:
  BlinkingTree(Tree& below, std::string path)
      : TreeProxy(below, [&below](const std::string& name,
                                  std::string_view value) { return below.Write(name, value); }),
        path_(std::move(path)) {}
  base::Result<std::string> Read(const std::string& path) const override {
    if (path == path_ && !std::exchange(has_failed_, true)) return base::FailErrno(path, EIO);
    return TreeProxy::Read(path);
  }

 private:
  std::string path_;
  mutable bool has_failed_ = false;
};

// An override that cannot be read is not one that is unset.
TEST(AssignmentFailures, NothingIsWrittenToADeviceThatCannotBeRead) {
  World world;
  AssignmentHost host = world.Host();
  ASSERT_THAT(Bind(host, {.devices = {kDrive}}), IsOk());
  world.tree().ForgetWrites();
  world.tree().AddFile("/sys/bus/pci/devices/0000:09:00.0/reset", "");
  const auto cannot = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), base::Code::kKernel);
    EXPECT_THAT(result.error().message(), testing::HasSubstr("driver_override: Input/output"));
  };
  test::UnreadableTree tree(world.tree(),
                            {"/sys/bus/pci/devices/0000:08:00.0/driver_override",
                             "/sys/bus/pci/devices/0000:09:00.0/driver_override"},
                            EIO);
  AssignmentHost blind = world.Host(tree);
  cannot(Restore(blind, kDrive));
  cannot(Bind(blind, {.devices = {kFirst, kSecond}}));
  cannot(BindGroup(blind, {.devices = {kFirst}}));
  cannot(Reset(blind, kFirst, {}));
  EXPECT_THAT(world.tree().writes(), IsEmpty());
  EXPECT_EQ(world.Records().size(), 1u);
}

TEST(AssignmentFailures, WhatCannotBeReadOfAPowerControlCouldNotBeGivenBack) {
  World world;
  AssignmentHost host = world.Host();
  ASSERT_THAT(Bind(host, {.devices = {kDrive}}), IsOk());
  const size_t written = world.tree().writes().size();
  const auto cannot = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), base::Code::kKernel);
    EXPECT_THAT(result.error().message(), testing::HasSubstr("power/control: Input/output"));
  };
  test::UnreadableTree tree(world.tree(),
                            {"/sys/bus/pci/devices/0000:08:00.0/power/control",
                             "/sys/bus/pci/devices/0000:09:00.0/power/control"},
                            EIO);
  AssignmentHost blind = world.Host(tree);
  cannot(Bind(blind, {.devices = {kFirst, kSecond}}));
  cannot(Restore(blind, kDrive));
  EXPECT_EQ(world.tree().writes().size(), written);
  EXPECT_EQ(world.Records().size(), 1u);
}

TEST(AssignmentFailures, NothingIsTakenWhoseUseIsNotKnown) {
  World world;
  const std::string disk = "/sys/devices/pci0000:08/0000:08:00.0/block/sda";
  world.tree().AddFile(disk + "/dev", "8:0\n");
  world.tree().AddLink("/sys/class/block/sda", disk);
  world.tree().AddFile("/proc/swaps", "");
  test::UnreadableTree tree(world.tree(), {"/proc/swaps"}, ENFILE);
  AssignmentHost blind = world.Host(tree);
  const auto result = Bind(blind, {.devices = {kDrive}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), base::Code::kInUse);
  EXPECT_THAT(result.error().message(), testing::HasSubstr("/proc/swaps"));
  EXPECT_THAT(world.tree().writes(), IsEmpty());
  EXPECT_THAT(world.Records(), IsEmpty());
}

TEST(AssignmentFailures, AnOverrideThatCannotBeReadOnceIsNotForgotten) {
  World world;
  const Digest before = world.State();
  AssignmentHost host = world.Host();
  ASSERT_THAT(Bind(host, {.devices = {kDrive}}), IsOk());
  BlinkingTree tree(world.tree(), "/sys/bus/pci/devices/0000:08:00.0/driver_override");
  AssignmentHost blinking = world.Host(tree);
  EXPECT_FALSE(Restore(blinking, kDrive));
  EXPECT_EQ(world.Records().size(), 1u);
  ASSERT_THAT(Restore(host, kDrive), IsOk());
  EXPECT_EQ(world.State(), before);
}

// Without a record the kernel chooses the driver; a failure in between leaves what a second run
// finishes.
TEST(AssignmentFailures, ARestoreWithoutARecordGoesOn) {
  for (const Fault fault : {Fault::kFails, Fault::kDiesBefore, Fault::kDiesAfter}) {
    for (size_t at = 1;; ++at) {
      ASSERT_LT(at, 20u);
      World world;
      const Digest before = world.State();
      AssignmentHost host = world.Host();
      ASSERT_THAT(Bind(host, {.devices = {kDrive}}), IsOk());
      ASSERT_THAT(host.journal.Remove(kDrive), IsOk());
      FaultyTree faulty(world.tree(), at, fault);
      AssignmentHost failing = world.Host(faulty);
      test::Dies([&] { (void)Restore(failing, kDrive); });
      if (!faulty.has_happened()) break;
      ASSERT_THAT(Restore(host, kDrive), IsOk()) << at;
      EXPECT_EQ(world.State(), before) << at;
    }
  }
}

TEST(AssignmentFailures, AResetThatDiesLeavesNothingBehind) {
  for (const Fault fault : {Fault::kFails, Fault::kDiesBefore, Fault::kDiesAfter}) {
    World world;
    world.tree().AddFile("/sys/bus/pci/devices/0000:08:00.0/reset", "");
    world.tree().AddBytes("/sys/bus/pci/devices/0000:08:00.0/config",
                          {std::byte{0x4d}, std::byte{0x14}});
    const Digest before = world.State();
    FaultyTree faulty(world.tree(), 1, fault);
    AssignmentHost failing = world.Host(faulty);
    test::Dies([&] { EXPECT_FALSE(Reset(failing, kDrive, {})); });
    EXPECT_TRUE(faulty.has_happened());
    EXPECT_EQ(world.State(), before);
    EXPECT_THAT(world.Records(), IsEmpty());
    AssignmentHost host = world.Host();
    EXPECT_THAT(Reset(host, kDrive, {}), IsOk());
  }
}

}  // namespace
}  // namespace sysfs
