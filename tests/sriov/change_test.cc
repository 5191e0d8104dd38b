#include "sriov/change.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"
#include "tests/support/tree_proxy.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using test::kCard;
using test::kSriovDrive;
using test::SriovWorld;
using testing::AllOf;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

base::Result<Outcome> Set(SriovWorld& world, const sysfs::PciAddress& pf, unsigned count,
                          Drivers drivers) {
  sysfs::AssignmentHost assignment = world.Assignment();
  Host host = world.Host(assignment);
  return SetFunctions(host, {pf, count, drivers});
}

base::Result<std::optional<Outcome>> GiveBack(SriovWorld& world, const sysfs::PciAddress& pf) {
  sysfs::AssignmentHost assignment = world.Assignment();
  Host host = world.Host(assignment);
  return Restore(host, pf);
}

TEST(SetFunctions, SecondCallWritesNothing) {
  for (const Drivers drivers : {Drivers::kKernel, Drivers::kNone, Drivers::kVfio}) {
    for (const auto& pf : {kCard, kSriovDrive}) {
      SriovWorld world;
      const auto first = Set(world, pf, 3, drivers);
      ASSERT_THAT(first, IsOk());
      EXPECT_TRUE(first->changed);
      EXPECT_EQ(first->after.count, 3u);
      world.ForgetSteps();
      const auto second = Set(world, pf, 3, drivers);
      ASSERT_THAT(second, IsOk());
      EXPECT_FALSE(second->changed);
      EXPECT_EQ(world.steps(), 0u);
    }
  }
}

TEST(SetFunctions, ACardThatWasPutInMeanwhileIsLeftAlone) {
  SriovWorld world;
  const std::string path = "/sys/bus/pci/devices/0000:03:00.0";
  world.tree().OnWrite([&](const std::string& written, const std::string&) {
    if (written == path + "/sriov_drivers_autoprobe")
      world.tree().AddFile(path + "/uevent", "PCI_CLASS=20000\nPCI_ID=8086:1572\n");
  });
  EXPECT_THAT(Set(world, kCard, 2, Drivers::kVfio),
              FailsWith(Code::kNotFound, HasSubstr("another card")));
  EXPECT_EQ(world.steps(), 1u);
  EXPECT_EQ(world.tree().Read(path + "/sriov_numvfs").value_or(""), "0");
}

TEST(SetFunctions, DriversAreAsAskedFor) {
  SriovWorld world;
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kVfio), IsOk());
  EXPECT_EQ(world.tree().DriverOf("0000:03:10.1"), "vfio-pci");
  const std::string autoprobe = "/sys/bus/pci/devices/0000:03:00.0/sriov_drivers_autoprobe";
  EXPECT_EQ(*world.tree().Read(autoprobe), "1");
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kNone), IsOk());
  EXPECT_EQ(world.tree().DriverOf("0000:03:10.1"), std::nullopt);
  EXPECT_EQ(world.tree().OverrideOf("0000:03:10.1"), std::nullopt);
  EXPECT_EQ(*world.tree().Read(autoprobe), "0");
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kKernel), IsOk());
  EXPECT_EQ(world.tree().DriverOf("0000:03:10.1"), "igbvf");
  EXPECT_EQ(*world.tree().Read(autoprobe), "1");
  EXPECT_THAT(world.journal().List(), IsOkAnd(IsEmpty()));
}

TEST(SetFunctions, AddressesAreStableOverRecreation) {
  SriovWorld world;
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kNone), IsOk());
  const auto first = world.attributes()[1].mac;
  ASSERT_THAT(Set(world, kCard, 5, Drivers::kNone), IsOk());
  EXPECT_EQ(world.attributes()[1].mac, first);
}

TEST(SetFunctions, BackToZeroLeavesNoRecord) {
  SriovWorld world;
  const std::string before = world.Digest();
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kVfio), IsOk());
  ASSERT_THAT(Set(world, kCard, 0, Drivers::kKernel), IsOk());
  EXPECT_EQ(world.Digest(), before);
}

TEST(SetFunctions, PlanWritesNothing) {
  SriovWorld world;
  sysfs::AssignmentHost assignment = world.Assignment();
  Host host = world.Host(assignment);
  const std::string before = world.Digest();
  const auto plan = PlanSet(host, {kSriovDrive, 4, Drivers::kVfio});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(Format(plan->steps), AllOf(HasSubstr("-a 1 -r 0 -n 0"), HasSubstr("sriov_numvfs")));
  EXPECT_FALSE(plan->later.empty());
  EXPECT_EQ(world.steps(), 0u);
  EXPECT_EQ(world.Digest(), before);
}

TEST(SetFunctions, PartialKeepsWhatCame) {
  SriovWorld world;
  world.EnableAtMost(2);
  EXPECT_THAT(Set(world, kCard, 4, Drivers::kNone), FailsWith(Code::kPartial));
  EXPECT_EQ(world.attributes().size(), 2u);
  world.EnableAtMost(7);
  ASSERT_THAT(GiveBack(world, kCard), IsOk());
  EXPECT_EQ(world.attributes().size(), 0u);
}

TEST(SetFunctions, SilentUdevTimesOutAndKeepsTheRecord) {
  SriovWorld world;
  const std::string before = world.Digest();
  world.SilenceUdev();
  EXPECT_THAT(Set(world, kCard, 1, Drivers::kNone), FailsWith(Code::kTimedOut));
  EXPECT_THAT(GiveBack(world, kCard), IsOk());
  EXPECT_EQ(world.Digest(), before);
}

TEST(SetFunctions, InterfaceThatIsDownIsSaid) {
  SriovWorld world;
  world.tree().AddFile("/sys/class/net/eth3/flags", "0x1002\n");
  EXPECT_THAT(Set(world, kCard, 1, Drivers::kNone)->notes.front(), HasSubstr("eth3 is down"));
}

TEST(RestoreFunctions, WithoutARecordIsNothing) {
  SriovWorld world;
  EXPECT_THAT(GiveBack(world, kCard), IsOkAnd(Eq(std::nullopt)));
}

// Their number stays, their driver does not.
TEST(RestoreFunctions, HeldFunctionsThatStayAreAskedBackToo) {
  SriovWorld world;
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kKernel), IsOk());
  ASSERT_THAT(RemoveRecord(world.journal(), kCard), IsOk());
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kVfio), IsOk());
  world.tree().AddFile("/proc/77/comm", "vmm\n");
  world.tree().AddLink("/proc/77/fd/9", "/dev/vfio/31");
  world.tree().OnWrite([&](const std::string& path, const std::string&) {
    if (path.ends_with("/vfio-pci/unbind")) world.tree().Remove("/proc/77");
  });
  sysfs::AssignmentHost assignment = world.Assignment();
  Host host = world.Host(assignment);
  EXPECT_THAT(Restore(host, kCard, nullptr, sysfs::ForceSet{sysfs::ForceReason::kAssigned}),
              IsOk());
  EXPECT_EQ(world.tree().DriverOf("0000:03:10.0"), "igbvf");
  EXPECT_EQ(world.tree().DriverOf("0000:03:10.1"), "igbvf");
}

// As a restore leaves it that was killed after the functions had ended, before their records had.
TEST(RestoreFunctions, RecordsOfFunctionsThatEndedAreForgotten) {
  SriovWorld world;
  ASSERT_THAT(Set(world, kCard, 2, Drivers::kVfio), IsOk());
  const auto functions = world.journal().List();
  ASSERT_THAT(functions, IsOkAnd(testing::SizeIs(2)));
  const std::string card = "/sys/bus/pci/devices/0000:03:00.0";
  const int offset = functions->at(0).routing_id() - kCard.routing_id();
  world.tree().AddFile(card + "/sriov_offset", std::to_string(offset) + "\n");
  const int stride = functions->at(1).routing_id() - functions->at(0).routing_id();
  world.tree().AddFile(card + "/sriov_stride", std::to_string(stride) + "\n");
  ASSERT_THAT(world.tree().Write(card + "/sriov_numvfs", "0"), IsOk());
  ASSERT_THAT(GiveBack(world, kCard), IsOk());
  EXPECT_THAT(world.journal().List(), IsOkAnd(IsEmpty()));
}

TEST(RestoreFunctions, DeviceThatIsGoneIsForgotten) {
  SriovWorld world;
  ASSERT_THAT(Set(world, kCard, 1, Drivers::kNone), IsOk());
  world.tree().Remove("/sys/bus/pci/devices/0000:03:00.0");
  const auto result = GiveBack(world, kCard);
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT((*result)->notes.front(), HasSubstr("gone"));
  EXPECT_THAT(ListRecords(world.journal()), IsEmpty());
}

// The digest up to the records.
std::string WithoutBinds(const std::string& digest) {
  return digest.substr(0, digest.find("bound"));
}

// A way to a state, and a change from there.
struct Case {
  const char* name;
  sysfs::PciAddress pf;
  unsigned from;
  Drivers from_drivers;
  unsigned to;
  Drivers to_drivers;
};

class Changes : public testing::TestWithParam<Case> {
 protected:
  // A world in the state that the change starts from, with a VLAN that must survive.
  static std::unique_ptr<SriovWorld> Start() {
    auto world = std::make_unique<SriovWorld>();
    if (GetParam().from > 0) {
      EXPECT_THAT(Set(*world, GetParam().pf, GetParam().from, GetParam().from_drivers), IsOk());
      // Not ours to give back: as if somebody else had made it.
      EXPECT_THAT(RemoveRecord(world->journal(), GetParam().pf), IsOk());
    }
    if (!world->attributes().empty()) world->attributes()[0].vlan = Vlan{7, 3};
    world->ForgetSteps();
    return world;
  }
  static base::Result<Outcome> Change(SriovWorld& world) {
    return Set(world, GetParam().pf, GetParam().to, GetParam().to_drivers);
  }
};

TEST_P(Changes, RestorePutsBackExactlyWhatWasThere) {
  const auto world = Start();
  const std::string before = world->Digest();
  ASSERT_THAT(Change(*world), IsOk());
  EXPECT_NE(world->Digest(), before);
  const auto restored = GiveBack(*world, GetParam().pf);
  ASSERT_THAT(restored, IsOk());
  // The bind records of functions that went are gone: restore of one lets the kernel choose.
  EXPECT_EQ(WithoutBinds(world->Digest()), WithoutBinds(before));
  EXPECT_THAT(GiveBack(*world, GetParam().pf), IsOkAnd(Eq(std::nullopt)));
}

// Every step of the change fails in turn: then everything is as before, records included.
TEST_P(Changes, AnyFailureIsUndone) {
  size_t failed = 0;
  for (size_t step = 1;; ++step) {
    const auto world = Start();
    const std::string before = world->Digest();
    world->FailStep(step);
    const auto result = Change(*world);
    if (world->steps() < step) {
      EXPECT_THAT(result, IsOk());
      break;
    }
    if (result) continue;
    ++failed;
    EXPECT_THAT(result.error().message(), HasSubstr("put back")) << step;
    EXPECT_EQ(world->Digest(), before) << GetParam().name << ", step " << step;
  }
  EXPECT_GT(failed, 0u);
}

// A failure, and another one in the undo: what is left is told, and restore makes it good.
TEST_P(Changes, FailureOfTheUndoIsRestoredLater) {
  for (size_t step = 1; step <= 40; ++step) {
    for (const size_t again : {1, 2, 4, 8}) {
      const auto world = Start();
      const std::string before = WithoutBinds(world->Digest());
      world->FailStep(step);
      world->FailAgain(again);
      const auto result = Change(*world);
      if (world->steps() < step) return;
      if (result) break;
      if (world->steps() < step + again) break;  // the undo has no such step
      if (WithoutBinds(world->Digest()) == before) continue;
      EXPECT_THAT(result.error().message(), HasSubstr("failed too")) << step << ", " << again;
      world->ForgetSteps();
      ASSERT_THAT(GiveBack(*world, GetParam().pf), IsOk()) << step << ", " << again;
      EXPECT_EQ(WithoutBinds(world->Digest()), before) << step << ", " << again;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Changes,
    testing::Values(Case{"card", kCard, 0, Drivers::kNone, 2, Drivers::kKernel},
                    Case{"card_none", kCard, 0, Drivers::kNone, 2, Drivers::kNone},
                    Case{"card_vfio", kCard, 0, Drivers::kNone, 2, Drivers::kVfio},
                    Case{"card_more", kCard, 2, Drivers::kKernel, 3, Drivers::kVfio},
                    Case{"card_none_more", kCard, 2, Drivers::kNone, 3, Drivers::kKernel},
                    Case{"card_given_fewer", kCard, 3, Drivers::kVfio, 1, Drivers::kKernel},
                    Case{"card_same", kCard, 2, Drivers::kKernel, 2, Drivers::kVfio},
                    Case{"card_zero", kCard, 2, Drivers::kKernel, 0, Drivers::kKernel},
                    Case{"drive", kSriovDrive, 0, Drivers::kNone, 4, Drivers::kVfio},
                    Case{"drive_kernel", kSriovDrive, 0, Drivers::kNone, 2, Drivers::kKernel},
                    Case{"drive_more", kSriovDrive, 1, Drivers::kKernel, 4, Drivers::kNone}),
    [](const auto& one) { return std::string(one.param.name); });

// A run that ends before its n-th step, whatever that is.
TEST_P(Changes, RestoreRecoversFromEveryPrefix) {
  for (size_t step = 1; step <= 40; ++step) {
    const auto world = Start();
    const std::string before = WithoutBinds(world->Digest());
    world->KillAt(step);
    bool killed = false;
    try {
      (void)Change(*world);
    } catch (const SriovWorld::Killed&) {
      killed = true;
    }
    if (!killed) return;
    world->ForgetSteps();
    ASSERT_THAT(GiveBack(*world, GetParam().pf), IsOk()) << step;
    EXPECT_EQ(WithoutBinds(world->Digest()), before) << GetParam().name << ", step " << step;
    EXPECT_THAT(ListRecords(world->journal()), IsEmpty());
  }
}

// A restore that fails at its n-th step, or dies there: the next one goes on.
TEST_P(Changes, TheNextRestoreGoesOnFromEveryPrefix) {
  for (const bool dies : {false, true}) {
    for (size_t step = 1; step <= 40; ++step) {
      const auto world = Start();
      const std::string before = WithoutBinds(world->Digest());
      ASSERT_THAT(Change(*world), IsOk());
      world->ForgetSteps();
      if (dies) {
        world->KillAt(step);
      } else {
        world->FailStep(step);
      }
      try {
        (void)GiveBack(*world, GetParam().pf);
      } catch (const SriovWorld::Killed&) {
      }
      const bool reached = world->steps() >= step;
      world->ForgetSteps();
      ASSERT_THAT(GiveBack(*world, GetParam().pf), IsOk()) << step;
      EXPECT_EQ(WithoutBinds(world->Digest()), before) << GetParam().name << ", step " << step;
      if (!reached) break;
    }
  }
}

}  // namespace
}  // namespace sriov
