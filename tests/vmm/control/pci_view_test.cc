#include "vmm/control/pci_view.h"

#include <gmock/gmock.h>

#include "tests/support/fake_function.h"
#include "tests/support/matchers.h"

namespace vmm::control {
namespace {

using pci::BarKind;

std::vector<pci::FunctionView> OneDrive() {
  pci::FunctionView drive{
      "0000:08:00.0", 0, 8, {}, {{0, BarKind::kMemory64, 0x4000, true}, {4, BarKind::kIo, 32}}, {}};
  drive.header = {0x36, 0x1b, 0x10, 0x00, 0x06, 0, 0, 0, 2, 0x02, 0x08, 0x01};
  drive.header.at(pci::header::kSubsystemVendor) = 0xf4;
  drive.header.at(pci::header::kSubsystemVendor + 1) = 0x1a;
  drive.header.at(pci::header::kInterruptLine) = 11;
  drive.header.at(pci::header::kInterruptPin) = 1;
  drive.decoded.at(0) = base::Range{0x1000000000, 0x4000};
  return {drive};
}

TEST(PciList, HasQemusShape) {
  const Json expected = Json::parse(R"([{"bus": 0, "devices": [{
    "bus": 0, "slot": 1, "function": 0, "qdev_id": "nic0", "irq_pin": 1, "irq": 11,
    "class_info": {"class": 264, "desc": "NVMe controller"},
    "id": {"vendor": 6966, "device": 16, "subsystem-vendor": 6900, "subsystem": 0},
    "regions": [
      {"bar": 0, "type": "memory", "address": 68719476736, "size": 16384,
       "prefetch": true, "mem_type_64": true},
      {"bar": 4, "type": "io", "address": -1, "size": 32}]}]}])");
  EXPECT_EQ(PciList(OneDrive(), {{"0000:08:00.0", "nic0"}}), expected);
}

TEST(PciList, WhatServesForAnotherDeviceSaysSo) {
  const Fallback fallback = {{0, 8, 0, 0},
                             "nic0",
                             base::Error(base::Code::kUnfit, "no group"),
                             FallbackKind::kDisk,
                             0,
                             "virtio-blk on /dev/sda",
                             "slow"};
  const Json list =
      PciList(OneDrive(), {{"0000:08:00.0", "nic0"}}, {{"nic0", FallbackView(fallback)}});
  const Json expected = Json::parse(R"({"host": "0000:08:00.0", "reason": "no group",
    "instead": "virtio-blk on /dev/sda", "means": "slow"})");
  EXPECT_EQ(list[0]["devices"][0]["fallback"], expected);
  EXPECT_EQ(list[0]["devices"][0]["qdev_id"], "nic0");
  EXPECT_FALSE(
      PciList(OneDrive(), {{"0000:08:00.0", "nic0"}})[0]["devices"][0].contains("fallback"));
}

TEST(PciList, CountersOfADevice) {
  assigned::AssignedCounters counters;
  counters.trapped = {1, 2};
  counters.iommu_faults = 3;
  const Json list =
      PciList(OneDrive(), {{"0000:08:00.0", "nic0"}}, {{"nic0", CountersView(counters)}});
  const Json& shown = list[0]["devices"][0]["counters"];
  EXPECT_EQ(shown["bar-traps"], 3);
  EXPECT_EQ(shown["iommu-faults"], 3);
  EXPECT_EQ(shown["config-denied"], 0);
}

TEST(IommuFaultData, IsAnEventsData) {
  EXPECT_EQ(IommuFaultData("nic0", {{0, 8, 0, 0}, true, 0xfffffffffffff000, true, "x"}),
            Json::parse(R"({"device": "nic0", "path": "/machine/peripheral/nic0",
                            "address": 18446744073709547520, "access": "write"})"));
}

TEST(PciList, AStandbySaysWhereItsPrimaryIs) {
  StandbyState state{"net0", "vf0", {0, 3, 0x10, 0}, Standby::Primary::kHidden, true};
  const Json list = PciList(OneDrive(), {{"0000:08:00.0", "net0"}}, {{"net0", StandbyView(state)}});
  const Json expected = Json::parse(R"({"primary": "vf0", "host": "0000:03:10.0",
    "state": "hidden", "link": true})");
  EXPECT_EQ(list[0]["devices"][0]["standby"], expected);
  state.where = Standby::Primary::kPlugged;
  state.link_up = false;
  EXPECT_EQ(StandbyView(state)["standby"]["state"], "plugged");
  EXPECT_EQ(StandbyView(state)["standby"]["link"], false);
}

TEST(PciList, ADeviceStandsBehindItsPort) {
  auto functions = OneDrive();
  functions[0].bus = 3;
  functions[0].devfn = 0;
  pci::FunctionView port{"root port 3", 0, 16, {}, {}, {}};
  port.header.at(pci::header::kType) = 1;
  port.header.at(0x19) = port.header.at(0x1a) = 3;
  port.header.at(0x21) = 0xc0;  // memory at 0xc0000000
  port.header.at(0x22) = 0x10;
  port.header.at(0x23) = 0xc0;
  functions.push_back(port);
  const Json list = PciList(functions, {{"0000:08:00.0", "nic0"}});
  const Json& bridge = list[0]["devices"][0]["pci_bridge"];
  EXPECT_EQ(bridge["bus"]["secondary"], 3);
  EXPECT_EQ(bridge["bus"]["memory_range"], Json({{"base", 0xc0000000}, {"limit", 0xc01fffff}}));
  ASSERT_EQ(bridge["devices"].size(), 1u);
  EXPECT_EQ(bridge["devices"][0]["qdev_id"], "nic0");
  EXPECT_EQ(bridge["devices"][0]["bus"], 3);
}

TEST(PciList, WhatHasNoIdIsTheMachines) {
  const Json list = PciList(OneDrive(), {});
  EXPECT_EQ(list[0]["devices"][0]["qdev_id"], "");
  EXPECT_EQ(PciList({}, {}), Json::parse(R"([{"bus": 0, "devices": []}])"));
}

TEST(PciList, UnknownClassesAreNamedByTheirBase) {
  auto functions = OneDrive();
  functions[0].header.at(0x0a) = 0x77;
  EXPECT_EQ(PciList(functions, {})[0]["devices"][0]["class_info"]["desc"], "Storage controller");
  functions[0].header.at(0x0b) = 0xff;
  EXPECT_EQ(PciList(functions, {})[0]["devices"][0]["class_info"]["desc"], "Device");
}

TEST(HostBridgeView, ShowsRegistersAndWhatDecodes) {
  const auto bridge = pci::HostBridge::Create(test::LayoutWithWindows(), nullptr);
  const auto function = std::make_shared<test::FakeFunction>(
      "fake", std::vector<pci::BarInfo>{{0, BarKind::kMemory32, 0x1000}});
  function->config.Own(pci::header::kVendor, Width::k4, 0x12345678);
  function->config.Own(pci::header::kCommand, Width::k2, pci::kCommandMemory, 7);
  function->config.Own(pci::header::kBar0, Width::k4, 0xc0000000, 0xfffff000);
  ASSERT_THAT(bridge->Add(8, function), test::IsOk());
  const auto views = bridge->View();
  ASSERT_EQ(views.size(), 2u);
  EXPECT_EQ(views[0].devfn, 0);
  EXPECT_EQ(views[1].devfn, 8);
  EXPECT_EQ(views[1].header.at(0), 0x78);
  EXPECT_EQ(views[1].decoded.at(0), (base::Range{0xc0000000, 0x1000}));
  function->config.Own(pci::header::kCommand, Width::k2, 0, 7);
  EXPECT_FALSE(bridge->View()[1].decoded.at(0));
}

}  // namespace
}  // namespace vmm::control
