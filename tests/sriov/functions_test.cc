#include "sriov/functions.h"

#include <gtest/gtest.h>

#include "sysfs/base/bits.h"
#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"
#include "tests/support/unreadable_tree.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using test::kCard;
using test::kSriovDrive;
using testing::ElementsAre;
using testing::HasSubstr;

class Functions : public testing::Test {
 protected:
  base::Result<PhysicalFunction> Read(const sysfs::PciAddress& address) {
    return ReadFunctions(world_.tree(), address, {&world_, nullptr});
  }
  void Enable(const std::string& bdf, const std::string& count) {
    ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/" + bdf + "/sriov_numvfs", count),
                IsOk());
  }
  test::SriovWorld world_;
};

TEST_F(Functions, OtherDevicesAreUnsupported) {
  Enable("0000:03:00.0", "1");
  EXPECT_THAT(Read({0, 9, 0, 0}), FailsWith(Code::kNotFound));
  const auto result = Read({0, 3, 0x10, 0});
  ASSERT_THAT(result, FailsWith(Code::kUnsupported, HasSubstr("virtual function itself")));
  EXPECT_THAT(result.error().hint(), HasSubstr("0000:03:00.0"));
  world_.tree().AddDevice({.bdf = "0000:0a:00.0"});
  EXPECT_THAT(Read({0, 10, 0, 0}), FailsWith(Code::kUnsupported, HasSubstr("no SR-IOV")));
}

TEST_F(Functions, CardWithItsFunctions) {
  Enable("0000:03:00.0", "2");
  const auto pf = Read(kCard);
  ASSERT_THAT(pf, IsOk());
  EXPECT_EQ(pf->total, 7u);
  EXPECT_EQ(pf->count, 2u);
  EXPECT_EQ(pf->autoprobe, true);
  EXPECT_EQ(pf->interface, "eth3");
  ASSERT_EQ(pf->functions.size(), 2u);
  EXPECT_EQ(pf->functions[1].device.address, (sysfs::PciAddress{0, 3, 0x10, 1}));
  EXPECT_EQ(pf->functions[1].device.driver, "igbvf");
  EXPECT_TRUE(pf->functions[1].attributes.mac->is_zero());
}

TEST_F(Functions, WhatCannotBeReadIsNotTakenForAbsent) {
  const std::string path = "/sys/bus/pci/devices/0000:03:00.0/";
  for (const std::string name : {"sriov_drivers_autoprobe", "net", "nvme"}) {
    const test::UnreadableTree tree(world_.tree(), {path + name}, EIO);
    EXPECT_THAT(ReadFunctions(tree, kCard, {&world_, nullptr}),
                FailsWith(Code::kKernel, HasSubstr(name + ": Input/output")));
  }
}

TEST_F(Functions, RepresentorsAreNotThePort) {
  const std::string net = "/sys/bus/pci/devices/0000:03:00.0/net/";
  world_.tree().AddFile(net + "eth0/phys_port_name", "pf0vf3\n");
  EXPECT_EQ(Read(kCard)->interface, "eth3");
}

TEST_F(Functions, DriveWithItsControllers) {
  Enable("0000:08:00.0", "1");
  sysfs::AssignmentHost assignment = world_.Assignment();
  const auto nvme = world_.Host(assignment).open_nvme("/dev/nvme1");
  const auto pf = ReadFunctions(world_.tree(), kSriovDrive, {&world_, nvme->get()});
  ASSERT_THAT(pf, IsOk());
  EXPECT_EQ(pf->nvme, "nvme1");
  EXPECT_EQ(pf->primary->queues.total, 8u);
  ASSERT_EQ(pf->functions.size(), 1u);
  EXPECT_EQ(pf->functions[0].controller->controller, 1);
}

TEST_F(Functions, ListHoldsAllThatCanHaveVirtualOnes) {
  world_.tree().AddDevice({.bdf = "0000:0a:00.0"});
  EXPECT_THAT(ListPhysicalFunctions(world_.tree()), IsOkAnd(ElementsAre(kCard, kSriovDrive)));
}

// PCI 3.0, 6.8.2.3: the table's size less one.
TEST_F(Functions, MsixCountComesFromConfigurationSpace) {
  const auto card = *sysfs::ReadDevice(world_.tree(), kCard);
  std::vector<std::byte> config(256);
  base::StoreLe<uint16_t>(config, 0, 0x8086);
  base::StoreLe<uint16_t>(config, 0x06, 0x10);
  base::StoreLe<uint8_t>(config, 0x34, 0x70);
  base::StoreLe<uint16_t>(config, 0x70, 0x0011);
  base::StoreLe<uint16_t>(config, 0x72, 0x8009);
  EXPECT_EQ(ReadMsixCount(world_.tree(), card), std::nullopt);
  world_.tree().AddBytes(card.path() + "/config", config);
  EXPECT_EQ(ReadMsixCount(world_.tree(), card), 10u);
  config.resize(64);
  world_.tree().AddBytes(card.path() + "/config", config);
  EXPECT_EQ(ReadMsixCount(world_.tree(), card), std::nullopt);
}

}  // namespace
}  // namespace sriov
