// Runs that are killed around any of their writes: what a later run makes of it.
#include <gtest/gtest.h>

#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/group.h"
#include "tests/support/faulty_tree.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using test::Digest;
using test::IsOk;
using testing::IsEmpty;
using World = test::HostWorld;

const PciAddress kDrive{0, 8, 0, 0};
const PciAddress kFirst{0, 9, 0, 0};
const PciAddress kSecond{0, 9, 0, 1};

// Whether the run was killed at its `at`-th write, before or after it took effect.
template <class Run>
bool Killed(World& world, size_t at, bool after, Run run) {
  test::FaultyTree tree(world.tree(), at,
                        after ? test::Fault::kDiesAfter : test::Fault::kDiesBefore);
  AssignmentHost host = world.Host(tree);
  return test::Dies([&] { run(host); });
}

// Kills a bind around each write; in turn lets restore recover it at once, or kills that restore
// around each of its writes as well and lets a second one recover, or binds again first.
TEST(AssignmentCrash, RestoreRecoversFromEveryPrefix) {
  const std::vector<PciAddress> devices = {kFirst, kSecond};
  for (size_t at = 1;; ++at) {
    bool killed = false;
    for (const bool after : {false, true}) {
      for (size_t again = 0; again <= 4; ++again) {
        World world;
        const Digest before = world.State();
        killed = Killed(world, at, after, [&](AssignmentHost& host) {
          (void)sysfs::Bind(host, {.devices = devices});
        });
        if (again > 0) {
          Killed(world, again, after, [&](AssignmentHost& host) {
            for (const PciAddress& address : devices) (void)sysfs::Restore(host, address);
          });
        }
        for (const PciAddress& address : devices) {
          AssignmentHost host = world.Host();
          ASSERT_THAT(sysfs::Restore(host, address), IsOk()) << at << after << again;
        }
        EXPECT_EQ(world.State(), before) << at << after << again;
        EXPECT_THAT(world.Records(), IsEmpty());
      }
    }
    if (!killed) {
      EXPECT_EQ(at, 7u);  // two devices, three writes each
      return;
    }
  }
}

TEST(AssignmentCrash, BindGoesOnFromEveryPrefix) {
  for (size_t at = 1; at <= 3; ++at) {
    for (const bool after : {false, true}) {
      World world;
      const Digest before = world.State();
      ASSERT_TRUE(Killed(world, at, after, [&](AssignmentHost& host) {
        (void)sysfs::Bind(host, {.devices = {kDrive}});
      }));
      AssignmentHost host = world.Host();
      ASSERT_THAT(sysfs::Bind(host, {.devices = {kDrive}}), IsOk());
      EXPECT_EQ(world.tree().DriverOf("0000:08:00.0"), "vfio-pci");
      EXPECT_EQ(host.journal.Find(kDrive).value()->state, RecordState::kApplied);
      ASSERT_THAT(sysfs::Restore(host, kDrive), IsOk());
      EXPECT_EQ(world.State(), before);
    }
  }
}

// A whole group: bridges are parked first. Killed around any write, restoring every device that has
// a record gives all of it back; and so does binding again.
TEST(AssignmentCrash, AGroupComesBackFromEveryPrefix) {
  const auto add_group = [](World& world) {
    world.tree().AddDriver("shpchp", false, {"0604"});
    world.tree().AddDriver("pci-stub", true);
    world.tree().AddDevice(
        {.bdf = "0000:04:00.0", .class_code = 0x060400, .driver = "shpchp", .group = 15});
  };
  for (size_t at = 1;; ++at) {
    bool killed = false;
    for (const bool after : {false, true}) {
      World world;
      add_group(world);
      const Digest before = world.State();
      killed = Killed(world, at, after,
                      [&](AssignmentHost& host) { (void)BindGroup(host, {.devices = {kFirst}}); });
      if (after) {
        AssignmentHost again = world.Host();
        ASSERT_THAT(BindGroup(again, {.devices = {kFirst}}), IsOk()) << at;
      }
      for (const PciAddress& address : world.Records()) {
        AssignmentHost host = world.Host();
        ASSERT_THAT(Restore(host, address), IsOk()) << at;
      }
      EXPECT_EQ(world.State(), before) << at;
      EXPECT_EQ(world.tree().DriverOf("0000:04:00.0"), "shpchp") << at;
    }
    if (!killed) break;
    ASSERT_LT(at, 100U);
  }
}

// With autoprobe off nothing binds to a virtual function without an override.
TEST(AssignmentCrash, VirtualFunctionThatIsNotProbedComesBack) {
  const PciAddress function{0, 11, 0, 1};
  for (size_t at = 0; at <= 3; ++at) {
    World world;
    world.tree().AddDevice({.bdf = "0000:0b:00.0", .class_code = 0xff0000, .totalvfs = 2});
    world.tree().AddFile("/sys/bus/pci/devices/0000:0b:00.0/sriov_drivers_autoprobe", "0\n");
    world.tree().AddDevice({.bdf = "0000:0b:00.1",
                            .class_code = 0xff0000,
                            .driver = "igbvf",
                            .group = 20,
                            .physfn = "0000:0b:00.0"});
    Killed(world, at, true,
           [&](AssignmentHost& host) { (void)sysfs::Bind(host, {.devices = {function}}); });
    AssignmentHost host = world.Host();
    ASSERT_THAT(sysfs::Restore(host, function), IsOk()) << at;
    EXPECT_EQ(world.tree().DriverOf("0000:0b:00.1"), "igbvf");
    EXPECT_EQ(world.tree().OverrideOf("0000:0b:00.1"), std::nullopt);
  }
}

}  // namespace
}  // namespace sysfs
