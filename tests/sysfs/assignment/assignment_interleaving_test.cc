// Several others work on the same devices while our commands run, in orders that chance makes.
#include <gtest/gtest.h>

#include "sysfs/assignment/assignment.h"
#include "sysfs/assignment/group.h"
#include "tests/support/matchers.h"
#include "tests/sysfs/assignment/busy_host.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::RandomInput;

// What came of all commands.
struct Tally {
  size_t done = 0;
  size_t refused = 0;
  size_t left_alone = 0;
};

// One to three devices, no bridge.
std::vector<PciAddress> Choose(RandomInput& chance) {
  std::vector<PciAddress> devices = {{0, 8, 0, 0}, {0, 9, 0, 0}, {0, 9, 0, 1}, {0, 11, 0, 1}};
  const auto count = chance.ConsumeIntegralInRange<size_t>(1, 3);
  while (devices.size() > count) {
    const auto place = chance.ConsumeIntegralInRange<size_t>(0, devices.size() - 1);
    devices.erase(devices.begin() + static_cast<ptrdiff_t>(place));
  }
  return devices;
}

template <class Value>
void Count(const base::Result<Value>& result, Tally& tally) {
  if (result) {
    ++tally.done;
    return;
  }
  ++tally.refused;
  const std::string& message = result.error().message();
  if (message.find("was left alone") != std::string::npos) ++tally.left_alone;
  EXPECT_NE(result.error().code(), Code::kInternal) << message;
  EXPECT_FALSE(message.empty());
}

// A record goes when it is fulfilled, or its device has gone.
base::Result<AssignmentResult> RestoreOne(BusyHost& busy, const PciAddress& address,
                                          const ForceSet& force) {
  AssignmentHost host = busy.Host();
  const auto record = host.journal.Find(address);
  auto result = Restore(host, address, force);
  const bool was_there = result && result->after.vendor != 0;
  if (was_there && record && *record) {
    EXPECT_TRUE(busy.HasSeen(**record)) << address.ToString();
  }
  return result;
}

void RunCommand(BusyHost& busy, RandomInput& chance, const std::vector<PciAddress>& devices,
                Tally& tally) {
  const auto deeds = chance.ConsumeIntegralInRange<size_t>(1, 3);
  const ForceSet force =
      chance.ConsumeBool() ? ForceSet{ForceReason::kGroup, ForceReason::kAssigned} : ForceSet{};
  AssignmentHost host = busy.Host();
  switch (chance.ConsumeIntegralInRange(0, 4)) {
    case 0:
      busy.Begin(devices, deeds);
      return Count(Bind(host, {.devices = devices, .force = force}), tally);
    case 1:
      busy.Begin(devices, deeds);
      return Count(Bind(host, {.devices = devices, .driver = "pci-stub", .force = force}), tally);
    case 2:
      busy.Begin(BusyHost::Slots(), deeds);
      return Count(BindGroup(host, {.devices = devices, .force = force}), tally);
    default:
      for (const PciAddress& address : devices) {
        busy.Begin({address}, deeds);
        Count(RestoreOne(busy, address, force), tally);
      }
  }
}

// An override that none of the others has set is ours, and has its record, with which it goes.
void ExpectNoLeftover(const BusyHost& busy) {
  for (const PciAddress& slot : BusyHost::Slots()) {
    const auto driver_override = busy.tree().OverrideOf(slot.ToString());
    if (!busy.CardIn(slot) || !driver_override || busy.IsTheirs(slot, *driver_override)) continue;
    const auto record = busy.journal().Find(slot);
    EXPECT_TRUE(record && *record) << slot.ToString() << ": " << *driver_override;
  }
}

// The others are quiet: restore gives back what the record says, or what the kernel chooses.
void ExpectRestorable(BusyHost& busy, const PciAddress& slot) {
  auto record = busy.journal().Find(slot);
  ASSERT_THAT(record, IsOk());
  if (!*record && busy.IsAsBefore(slot)) return;
  AssignmentHost host = busy.Host();
  busy.Begin({slot}, 0);
  const auto card = busy.CardIn(slot);
  if (*record && card && (*record)->device != card) {
    EXPECT_THAT(Restore(host, slot), FailsWith(Code::kUsage));
    ASSERT_THAT(host.journal.Remove(slot), IsOk());
    record->reset();
  }
  if (!card && !*record) return;
  ASSERT_THAT(Restore(host, slot), IsOk());
  EXPECT_EQ(*host.journal.Find(slot), std::nullopt);
  if (!card) return;
  EXPECT_TRUE(busy.IsTouched(slot) || busy.IsAsBefore(slot));
  const auto driver = busy.tree().DriverOf(slot.ToString());
  const auto driver_override = busy.tree().OverrideOf(slot.ToString());
  EXPECT_EQ(driver_override, *record ? (*record)->driver_override : std::nullopt);
  EXPECT_TRUE(!driver_override || busy.IsTheirs(slot, *driver_override));
  if (*record) {
    EXPECT_EQ(driver, (*record)->driver);
  } else if (!driver) {
    ASSERT_THAT(host.tree.Write("/sys/bus/pci/drivers_probe", slot.ToString()), IsOk());
    EXPECT_EQ(busy.tree().DriverOf(slot.ToString()), std::nullopt) << "the kernel has one for it";
  }
}

TEST(Interleavings, NoOtherCardIsTouchedAndAllCanBeGivenBack) {
  Tally tally;
  std::map<std::string, size_t> done;
  for (uint64_t seed = 1; seed <= test::Effort(500) && !testing::Test::HasFailure(); ++seed) {
    RandomInput chance(seed, 4096);
    BusyHost busy(chance);
    const std::vector<PciAddress> devices = Choose(chance);
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (auto left = chance.ConsumeIntegralInRange(1, 3); left > 0; --left) {
      RunCommand(busy, chance, devices, tally);
      ExpectNoLeftover(busy);
    }
    busy.Quieten();
    for (const PciAddress& slot : BusyHost::Slots()) ExpectRestorable(busy, slot);
    for (const auto& [deed, count] : busy.done()) done[deed] += count;
    if (testing::Test::HasFailure()) ADD_FAILURE() << busy.story();
  }
  if (testing::Test::HasFailure()) return;
  EXPECT_EQ(done.size(), BusyHost::kDeedCount);
  EXPECT_GT(tally.done, 500U);
  EXPECT_GT(tally.refused, 200U);
  EXPECT_GT(tally.left_alone, 5U);
}

}  // namespace
}  // namespace sysfs
