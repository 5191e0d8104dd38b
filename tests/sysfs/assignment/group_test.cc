#include "sysfs/assignment/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/host_world.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const PciAddress kFirst = *PciAddress::Parse("0000:05:01.0");
const PciAddress kSecond = *PciAddress::Parse("0000:05:02.0");
const PciAddress kBridge = *PciAddress::Parse("0000:04:00.0");

// A conventional bridge on shpchp with two cards behind it, all in group 5.
class Group : public testing::Test {
 protected:
  Group() {
    tree().AddDriver("shpchp", false, {"0604"});
    tree().AddDriver("e1000", false, {"8086:100e"});
    tree().AddDriver("8139cp", false, {"10ec:8139"});
    tree().AddDriver("pci-stub", true);
    tree().AddDevice(
        {.bdf = "0000:04:00.0", .class_code = 0x060400, .driver = "shpchp", .group = 5});
    AddCard("0000:05:01.0", 0x8086, 0x100e, "e1000");
    AddCard("0000:05:02.0", 0x10ec, 0x8139, "8139cp");
  }

  void AddCard(const std::string& bdf, uint16_t vendor, uint16_t device,
               const std::string& driver) {
    tree().AddDevice({.bdf = bdf,
                      .vendor = vendor,
                      .device = device,
                      .class_code = 0xff0000,
                      .driver = driver,
                      .group = 5});
  }

  test::FakeTree& tree() { return world_.tree(); }
  AssignmentHost Host() { return world_.Host(); }
  std::vector<std::optional<std::string>> Drivers() {
    return {tree().DriverOf("0000:04:00.0"), tree().DriverOf("0000:05:01.0"),
            tree().DriverOf("0000:05:02.0")};
  }

  test::HostWorld world_;
};

TEST_F(Group, EndpointsAreBoundAndBridgesInTheWayParked) {
  const auto members = ExpandGroups(tree(), std::vector{kSecond});
  ASSERT_THAT(members, IsOk());
  EXPECT_THAT(members->endpoints, ElementsAre(kSecond, kFirst));
  EXPECT_THAT(members->parked, ElementsAre(kBridge));
}

TEST_F(Group, ABridgeThatIsNotInTheWayStays) {
  tree().AddDriver("pcieport", true);
  tree().AddDevice(
      {.bdf = "0000:00:1c.0", .class_code = 0x060400, .driver = "pcieport", .group = 5});
  const auto members = ExpandGroups(tree(), std::vector{kFirst});
  ASSERT_THAT(members, IsOk());
  EXPECT_THAT(members->parked, ElementsAre(kBridge));
}

TEST_F(Group, TakesAllAndGivesAllBack) {
  auto host = Host();
  const auto results = BindGroup(host, {.devices = {kFirst}});
  ASSERT_THAT(results, IsOk());
  EXPECT_THAT(*results, SizeIs(3));
  EXPECT_THAT(Drivers(), ElementsAre("pci-stub", "vfio-pci", "vfio-pci"));
  for (const PciAddress& address : {kFirst, kSecond, kBridge})
    EXPECT_THAT(Restore(host, address), IsOk());
  EXPECT_THAT(Drivers(), ElementsAre("shpchp", "e1000", "8139cp"));
}

TEST_F(Group, ASecondTimeWritesNothing) {
  auto host = Host();
  ASSERT_THAT(BindGroup(host, {.devices = {kFirst}}), IsOk());
  tree().ForgetWrites();
  ASSERT_THAT(BindGroup(host, {.devices = {kFirst}}), IsOk());
  EXPECT_THAT(tree().writes(), IsEmpty());
}

// Every write fails in turn: then all is as it was, and no record stays.
TEST_F(Group, AllOrNone) {
  size_t failures = 0;
  for (size_t write = 1; write < 40; ++write) {
    auto host = Host();
    tree().FailWrite(write, EIO);
    const auto results = BindGroup(host, {.devices = {kFirst}});
    if (results) break;
    ++failures;
    EXPECT_THAT(Drivers(), ElementsAre("shpchp", "e1000", "8139cp"))
        << "write " << write << ": " << results.error().message();
    EXPECT_THAT(*host.journal.List(), IsEmpty()) << "write " << write;
  }
  EXPECT_GE(failures, 9U);
}

TEST_F(Group, RefusalsComeBeforeTheFirstWrite) {
  auto host = Host();
  tree().AddDevice({.bdf = "0000:0a:00.0"});
  EXPECT_THAT(BindGroup(host, {.devices = {*PciAddress::Parse("0000:0a:00.0")}}),
              FailsWith(Code::kUnfit, HasSubstr("has no IOMMU group")));
  EXPECT_THAT(BindGroup(host, {.devices = {kBridge}}),
              FailsWith(Code::kUnfit, HasSubstr("is a bridge")));
  EXPECT_THAT(BindGroup(host, {.devices = {kFirst, kFirst}}),
              FailsWith(Code::kUsage, HasSubstr("named twice")));
  EXPECT_THAT(tree().writes(), IsEmpty());
}

TEST_F(Group, ThePlanParksFirst) {
  const auto plans = PlanGroupBinding(Host(), {.devices = {kFirst}});
  ASSERT_THAT(plans, IsOk());
  ASSERT_THAT(*plans, SizeIs(2));
  EXPECT_EQ(plans->at(0).driver, "pci-stub");
  EXPECT_EQ(plans->at(1).driver, "vfio-pci");
  EXPECT_THAT(tree().writes(), IsEmpty());
}

}  // namespace
}  // namespace sysfs
