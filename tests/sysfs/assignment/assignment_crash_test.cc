// Runs that are killed around any of their writes: what a later run makes of it.
#include <gtest/gtest.h>

#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/group.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_proxy.h"

namespace sysfs {
namespace {

using test::Digest;
using test::IsOk;
using testing::IsEmpty;
using World = test::HostWorld;

const PciAddress kDrive{0, 8, 0, 0};
const PciAddress kFirst{0, 9, 0, 0};
const PciAddress kSecond{0, 9, 0, 1};

struct Killed {};

// Counts down over the writes of a run and ends it before or after one of them took effect.
class Killer {
 public:
  Killer(World& world, size_t at, bool after)
      : at_(at),
        after_(after),
        tree_(world.tree(), [&](const std::string& path, std::string_view value) {
          const bool now = ++count_ == at_;
          if (now && !after_) throw Killed();
          base::Status status = world.tree().Write(path, value);
          if (now) throw Killed();
          return status;
        }) {}

  // Whether the run was killed.
  template <class Run>
  bool Ends(World& world, Run run) {
    AssignmentHost host = world.Host(tree_);
    try {
      run(host);
    } catch (const Killed&) {
      return true;
    }
    return false;
  }

 private:
  size_t count_ = 0;
  size_t at_;
  bool after_;
  test::TreeProxy tree_;
};

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
        killed = Killer(world, at, after).Ends(world, [&](AssignmentHost& host) {
          (void)sysfs::Bind(host, {.devices = devices});
        });
        if (again > 0) {
          Killer(world, again, after).Ends(world, [&](AssignmentHost& host) {
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
      ASSERT_TRUE(Killer(world, at, after).Ends(world, [&](AssignmentHost& host) {
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
      killed = Killer(world, at, after).Ends(world, [&](AssignmentHost& host) {
        (void)BindGroup(host, {.devices = {kFirst}});
      });
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
    Killer(world, at, true).Ends(world, [&](AssignmentHost& host) {
      (void)sysfs::Bind(host, {.devices = {function}});
    });
    AssignmentHost host = world.Host();
    ASSERT_THAT(sysfs::Restore(host, function), IsOk()) << at;
    EXPECT_EQ(world.tree().DriverOf("0000:0b:00.1"), "igbvf");
    EXPECT_EQ(world.tree().OverrideOf("0000:0b:00.1"), std::nullopt);
  }
}

}  // namespace
}  // namespace sysfs
