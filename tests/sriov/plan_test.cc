#include "sriov/plan.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace sriov {
namespace {

using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PhysicalFunction Card(unsigned count) {
  PhysicalFunction pf;
  pf.device.address = {0, 3, 0, 0};
  pf.device.driver = "igb";
  pf.total = 7;
  pf.count = count;
  pf.autoprobe = true;
  pf.interface = "eth3";
  for (unsigned index = 0; index < count; ++index) {
    VirtualFunction one;
    one.index = index;
    one.device.address = {0, 3, 0x10, static_cast<uint8_t>(index)};
    one.attributes.mac = MacAddress();
    pf.functions.push_back(one);
  }
  return pf;
}

std::vector<std::string> Commands(const Steps& steps) {
  std::vector<std::string> commands;
  for (const Step& step : steps) commands.push_back(CommandOf(step));
  return commands;
}

const std::string kPath = "/sys/bus/pci/devices/0000:03:00.0/";

TEST(PlanTeardown, KeepsDriversOffAndGoesThroughZero) {
  EXPECT_THAT(Commands(PlanTeardown(Card(2), {4})),
              ElementsAre("echo 0 > " + kPath + "sriov_drivers_autoprobe",
                          "echo 0 > " + kPath + "sriov_numvfs"));
  EXPECT_THAT(Commands(PlanTeardown(Card(2), {0})),
              ElementsAre("echo 0 > " + kPath + "sriov_numvfs"));
  EXPECT_THAT(PlanTeardown(Card(2), {2}), IsEmpty());
}

TEST(PlanTeardown, NoneKeepsDriversOffExistingFunctions) {
  EXPECT_THAT(Commands(PlanTeardown(Card(2), {2, Drivers::kNone, {}, {}})),
              ElementsAre("echo 0 > " + kPath + "sriov_drivers_autoprobe"));
}

TEST(PlanCreate, WritesTheNumberOnce) {
  EXPECT_THAT(Commands(PlanCreate(Card(0), {4})),
              ElementsAre("echo 4 > " + kPath + "sriov_numvfs"));
  EXPECT_THAT(PlanCreate(Card(4), {4}), IsEmpty());
  EXPECT_THAT(PlanCreate(Card(0), {0}), IsEmpty());
}

TEST(PlanSettings, GivesAnAddressToFunctionsWithoutOneAndWithoutADriver) {
  PhysicalFunction pf = Card(3);
  pf.functions[1].attributes.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  pf.functions[2].device.driver = "igbvf";
  const auto steps = PlanSettings(pf, {3}, "id");
  ASSERT_THAT(steps, IsOk());
  EXPECT_THAT(Commands(*steps), ElementsAre("ip link set eth3 vf 0 mac " +
                                            StableMac("id", pf.device.address, 0).ToString()));
}

TEST(PlanSettings, RecordedAttributesComeBackOneByOne) {
  Record record;
  record.functions.resize(1);
  record.functions[0].attributes.vlan = Vlan{7, 3};
  record.functions[0].attributes.trust = true;
  const auto steps = PlanSettings(Card(1), {1, Drivers::kRecorded, {}, record}, "id");
  EXPECT_THAT(Commands(*steps),
              ElementsAre("ip link set eth3 vf 0 vlan 7 qos 3", "ip link set eth3 vf 0 trust on"));
}

TEST(PlanSettings, OfflineControllersGetResourcesAResetAndGoOnline) {
  PhysicalFunction pf = Card(1);
  pf.interface.clear();
  pf.nvme = "nvme1";
  pf.primary = NvmePrimary{0, {8, 0, 0, 9, 2, 1}, {4, 0, 0, 12, 1, 1}};
  pf.functions[0].attributes = {};
  pf.functions[0].controller = NvmeSecondary{5, 1, false, 0, 0};
  EXPECT_THAT(Commands(*PlanSettings(pf, {1}, "")),
              ElementsAre("nvme virt-mgmt /dev/nvme1 -c 5 -a 8 -r 0 -n 2",
                          "nvme virt-mgmt /dev/nvme1 -c 5 -a 8 -r 1 -n 1",
                          "echo 1 > /sys/bus/pci/devices/0000:03:10.0/reset",
                          "nvme virt-mgmt /dev/nvme1 -c 5 -a 9"));
  pf.functions[0].controller->online = true;
  EXPECT_THAT(Commands(*PlanSettings(pf, {1}, "")), IsEmpty());
}

TEST(PlanPrimary, TakesResourcesOnlyWhileThereAreNoFunctions) {
  PhysicalFunction pf = Card(0);
  pf.nvme = "nvme1";
  pf.primary = NvmePrimary{0, {8, 0, 8, 9, 2, 1}, {4, 0, 4, 12, 1, 1}};
  EXPECT_THAT(
      Commands(*PlanPrimary(pf, {4})),
      ElementsAre("nvme virt-mgmt /dev/nvme1 -c 0 -a 1 -r 0 -n 0",
                  "nvme virt-mgmt /dev/nvme1 -c 0 -a 1 -r 1 -n 0", "echo 1 > " + kPath + "reset"));
  EXPECT_THAT(*PlanPrimary(pf, {0}), IsEmpty());
  pf.count = 2;
  EXPECT_THAT(*PlanPrimary(pf, {4}), IsEmpty());
}

TEST(PlanPrimary, RecordedShareComesBack) {
  PhysicalFunction pf = Card(0);
  pf.nvme = "nvme1";
  pf.primary = NvmePrimary{0, {8, 0, 0, 9, 2, 1}, {4, 0, 4, 12, 1, 1}};
  Record record;
  record.primary = NvmePrimaryShare{8, 4};
  EXPECT_THAT(
      Commands(*PlanPrimary(pf, {0, Drivers::kRecorded, {}, record})),
      ElementsAre("nvme virt-mgmt /dev/nvme1 -c 0 -a 1 -r 0 -n 8", "echo 1 > " + kPath + "reset"));
}

TEST(PlanDrivers, KernelProbesWhatIsNewAndReleasesWhatWasGiven) {
  PhysicalFunction pf = Card(2);
  pf.functions[1].device.driver = pf.functions[1].device.driver_override = "vfio-pci";
  EXPECT_THAT(Commands(PlanDrivers(pf, {2}, true)),
              ElementsAre("echo 0000:03:10.0 > /sys/bus/pci/drivers_probe",
                          "echo > /sys/bus/pci/devices/0000:03:10.1/driver_override",
                          "echo 0000:03:10.1 > /sys/bus/pci/drivers/vfio-pci/unbind",
                          "echo 0000:03:10.1 > /sys/bus/pci/drivers_probe"));
  pf.functions.pop_back();
  EXPECT_THAT(PlanDrivers(pf, {1}, false), IsEmpty());
}

TEST(PlanDrivers, NoneTakesDriversAway) {
  PhysicalFunction pf = Card(2);
  pf.functions[1].device.driver = "igbvf";
  EXPECT_THAT(Commands(PlanDrivers(pf, {2, Drivers::kNone, {}, {}}, true)),
              ElementsAre("echo 0000:03:10.1 > /sys/bus/pci/drivers/igbvf/unbind"));
}

TEST(PlanDrivers, RecordedDriversComeBack) {
  PhysicalFunction pf = Card(1);
  Record record;
  record.autoprobe = false;
  record.functions.resize(1);
  record.functions[0].driver = "igbvf";
  EXPECT_THAT(Commands(PlanDrivers(pf, {1, Drivers::kRecorded, false, record}, true)),
              ElementsAre("echo igbvf > /sys/bus/pci/devices/0000:03:10.0/driver_override",
                          "echo 0000:03:10.0 > /sys/bus/pci/drivers/igbvf/bind",
                          "echo > /sys/bus/pci/devices/0000:03:10.0/driver_override"));
}

TEST(PlanMsix, WritesOnlyAnotherNumber) {
  PhysicalFunction pf = Card(1);
  EXPECT_THAT(Commands(PlanMsix(pf, 0, 8)),
              ElementsAre("echo 8 > /sys/bus/pci/devices/0000:03:10.0/sriov_vf_msix_count"));
  pf.functions[0].msix_count = 8;
  EXPECT_THAT(PlanMsix(pf, 0, 8), IsEmpty());
  EXPECT_THAT(PlanMsix(pf, 1, 8), IsEmpty());
}

}  // namespace
}  // namespace sriov
