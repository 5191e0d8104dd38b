// Somebody else works on the same device while we do: after each of our writes, each thing that he
// may do. Whatever comes of it, no other card is touched and restore gives back what is there.
#include <gtest/gtest.h>

#include <array>

#include "sysfs/assignment/assignment.h"
#include "tests/support/host_world.h"
#include "tests/support/matchers.h"
#include "tests/support/tree_proxy.h"

namespace sysfs {
namespace {

using test::FakeTree;
using test::IsOk;
using testing::IsEmpty;
using World = test::HostWorld;

const PciAddress kDrive{0, 8, 0, 0};
constexpr char kBdf[] = "0000:08:00.0";
const std::string kPath = "/sys/bus/pci/devices/0000:08:00.0";

void Put(FakeTree& tree, const std::string& path, const std::string& value) {
  (void)tree.Write(path, value);
}

void Unbind(FakeTree& tree) {
  if (const auto driver = tree.DriverOf(kBdf))
    Put(tree, "/sys/bus/pci/drivers/" + *driver + "/unbind", kBdf);
}

void BindNative(FakeTree& tree) {
  Put(tree, kPath + "/driver_override", "\n");
  Unbind(tree);
  Put(tree, "/sys/bus/pci/drivers/nvme/bind", kBdf);
}

void Remove(FakeTree& tree) {
  Unbind(tree);
  tree.Remove(kPath);
}

struct Hand {
  const char* name;
  void (*act)(FakeTree& tree);
  bool is_gone = false;
  bool is_another = false;
};

const std::array<Hand, 8> kHands = {{
    {"unbinds", Unbind},
    {"clears the override", [](FakeTree& tree) { Put(tree, kPath + "/driver_override", "\n"); }},
    {"sets the override",
     [](FakeTree& tree) { Put(tree, kPath + "/driver_override", "pci-stub"); }},
    {"binds the native driver", BindNative},
    {"binds a third driver",
     [](FakeTree& tree) {
       Put(tree, kPath + "/driver_override", "pci-stub");
       Unbind(tree);
       Put(tree, "/sys/bus/pci/drivers/pci-stub/bind", kBdf);
     }},
    {"removes it", Remove, /*is_gone=*/true},
    {"removes and rescans",
     [](FakeTree& tree) {
       Remove(tree);
       tree.AddDevice({.driver = "nvme", .group = 14});
     }},
    {"puts another card in",
     [](FakeTree& tree) {
       Remove(tree);
       tree.AddDevice({.device = 0xbeef, .driver = "nvme", .group = 14});
     },
     /*is_gone=*/false, /*is_another=*/true},
}};

// The hand acts right after our n-th write; false when there are fewer.
template <class Run>
bool Interfere(World& world, const Hand& hand, size_t at, Run run) {
  size_t count = 0;
  bool acted = false;
  test::TreeProxy tree(world.tree(), [&](const std::string& path, std::string_view value) {
    base::Status status = world.tree().Write(path, value);
    if (++count == at) {
      hand.act(world.tree());
      acted = true;
    }
    return status;
  });
  AssignmentHost host = world.Host(tree);
  run(host);
  return acted;
}

// What is there can be given back, and is on its driver then.
void ExpectRestorable(World& world, const Hand& hand, const std::string& where) {
  AssignmentHost host = world.Host();
  if (hand.is_another) {
    // Its own record, or none; never ours.
    if (!Restore(host, kDrive)) {
      ASSERT_THAT(host.journal.Remove(kDrive), IsOk());
    }
    return;
  }
  if (hand.is_gone) {
    if (!world.Records().empty()) {
      ASSERT_THAT(Restore(host, kDrive), IsOk()) << where;
    }
    EXPECT_THAT(world.Records(), IsEmpty()) << where;
    return;
  }
  ASSERT_THAT(Restore(host, kDrive), IsOk()) << where;
  EXPECT_THAT(world.Records(), IsEmpty()) << where;
}

bool IsLimbo(World& world) { return !world.tree().DriverOf(kBdf) && world.Records().empty(); }

// Another card in the place of ours: no write of ours reached it.
void ExpectUntouched(World& world, const std::string& where) {
  EXPECT_EQ(world.tree().DriverOf(kBdf), "nvme") << where;
  EXPECT_EQ(world.tree().OverrideOf(kBdf), std::nullopt) << where;
}

World& Prepare(World& world) {
  world.tree().AddDriver("pci-stub", true);
  return world;
}

TEST(ForeignHands, BindEndsInAStateThatRestoreKnows) {
  for (const Hand& hand : kHands) {
    for (size_t at = 1; at <= 8; ++at) {
      World world;
      Prepare(world);
      const bool acted = Interfere(
          world, hand, at, [](AssignmentHost& host) { (void)Bind(host, {.devices = {kDrive}}); });
      const std::string where = std::string(hand.name) + ", at " + std::to_string(at);
      if (!acted) break;
      if (hand.is_another) {
        ExpectUntouched(world, where);
        EXPECT_THAT(world.Records(), IsEmpty()) << where << ": it would meet the card's own bind";
      }
      EXPECT_FALSE(!hand.is_gone && IsLimbo(world)) << where;
      ExpectRestorable(world, hand, where);
      EXPECT_TRUE(hand.is_gone || world.tree().DriverOf(kBdf)) << where;
    }
  }
}

TEST(ForeignHands, RestoreEndsInAStateThatRestoreKnows) {
  for (const Hand& hand : kHands) {
    for (size_t at = 1; at <= 8; ++at) {
      World world;
      Prepare(world);
      AssignmentHost host = world.Host();
      ASSERT_THAT(Bind(host, {.devices = {kDrive}}), IsOk());
      const bool acted =
          Interfere(world, hand, at, [](AssignmentHost& one) { (void)Restore(one, kDrive); });
      const std::string where = std::string(hand.name) + ", at " + std::to_string(at);
      if (!acted) break;
      if (hand.is_another) ExpectUntouched(world, where);
      ExpectRestorable(world, hand, where);
    }
  }
}

}  // namespace
}  // namespace sysfs
