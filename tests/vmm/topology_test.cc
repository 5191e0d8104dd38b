#include "vmm/topology.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"
#include "vmm/plan.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::SizeIs;

HostDevice At(uint8_t bus, uint8_t function = 0) {
  HostDevice host;
  host.device.address = {0, bus, 0, function};
  return host;
}

base::Result<Topology> Plan(const std::vector<HostDevice>& devices, unsigned spare = 0,
                            std::vector<std::optional<uint8_t>> slots = {}) {
  Options options;
  options.hotplug_ports = spare;
  slots.resize(devices.size());
  for (size_t i = 0; i < devices.size(); ++i)
    options.assign.push_back({devices[i].device.address, slots[i]});
  return PlanTopology(options, devices);
}

TEST(PlanTopology, EachDeviceHasAPortOfItsOwn) {
  const auto plan = Plan({At(8), At(9)}, 2);
  ASSERT_THAT(plan, IsOk());
  ASSERT_THAT(plan->ports, SizeIs(4));
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(plan->ports[i].guest_slot, i + 1);
    EXPECT_EQ(plan->ports[i].number, i + 1);
  }
  EXPECT_TRUE(plan->devices[1].behind_port);
  EXPECT_EQ(plan->devices[1].guest_slot, 2);
}

TEST(PlanTopology, EmulatedDevicesComeBehindAssignedOnes) {
  Options options;
  options.hotplug_ports = 1;
  options.assign.push_back({At(8).device.address, std::nullopt});
  options.disks.resize(2);
  options.disks[1].serial = "second";
  options.nets.resize(1);
  options.rng = true;
  options.virtio_console = true;
  const auto plan = PlanTopology(options, {At(8)});
  ASSERT_THAT(plan, IsOk());
  ASSERT_THAT(plan->emulated, SizeIs(5));
  EXPECT_THAT(plan->ports, SizeIs(7));
  EXPECT_EQ(plan->emulated[1].id, "disk1");
  EXPECT_EQ(std::get<virtio::BlkOptions>(plan->emulated[1].request).serial, "second");
  EXPECT_EQ(plan->emulated[1].guest_slot, 3);
  EXPECT_EQ(plan->emulated[2].id, "net0");
  EXPECT_EQ(plan->emulated[3].id, "rng0");
  EXPECT_EQ(plan->emulated[4].id, "console0");
  EXPECT_EQ(std::get<ConsoleRequest>(plan->emulated[4].request), ConsoleRequest{});
  options.assign.front().id = "disk1";
  EXPECT_THAT(PlanTopology(options, {At(8)}),
              test::FailsWith(base::Code::kUsage, testing::HasSubstr("disk1")));
  options.assign.front().id = "";
  options.disks.resize(40);
  EXPECT_THAT(PlanTopology(options, {At(8)}), test::FailsWith(base::Code::kUsage));
}

TEST(PlanTopology, AnAddressMeansBus0) {
  const auto plan = Plan({At(8), At(9)}, 0, {std::nullopt, uint8_t{1}});
  ASSERT_THAT(plan, IsOk());
  EXPECT_FALSE(plan->devices[1].behind_port);
  EXPECT_EQ(plan->devices[1].devfn(), 8);
  EXPECT_EQ(plan->devices[0].guest_slot, 2);
  EXPECT_THAT(plan->ports, SizeIs(1));
}

TEST(PlanTopology, FunctionsOfOneDeviceAreOneCard) {
  const auto plan = Plan({At(8, 1), At(8, 0), At(9, 1)});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->ports, SizeIs(2));
  EXPECT_EQ(plan->devices[0].guest_slot, plan->devices[1].guest_slot);
  EXPECT_EQ(plan->devices[0].function, 1);
  // Without its function 0 nobody would find it.
  EXPECT_EQ(plan->devices[2].function, 0);
  EXPECT_NE(plan->devices[2].guest_slot, plan->devices[0].guest_slot);
}

TEST(PlanTopology, VirtualFunctionsAreDevicesOfTheirOwn) {
  HostDevice first = At(3);
  HostDevice second = At(3, 2);
  first.device.physfn = second.device.physfn = sysfs::PciAddress{0, 2, 0, 0};
  const auto plan = Plan({first, second});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(plan->ports, SizeIs(2));
}

TEST(PlanTopology, ALargeBarThatIsNotPrefetchableSitsOnBus0) {
  HostDevice device = At(8);
  device.bars = {{.index = 2, .size = base::kGiB, .flags = 0x140200}};
  const auto plan = Plan({device});
  ASSERT_THAT(plan, IsOk());
  EXPECT_FALSE(plan->devices[0].behind_port);
  device.bars[0].flags = 0x14220c;
  EXPECT_TRUE(FitsBehindPort(device));
}

TEST(PlanTopology, BusZeroHoldsThirtyOne) {
  std::vector<HostDevice> devices;
  for (uint8_t i = 1; i <= 31; ++i) devices.push_back(At(i));
  EXPECT_THAT(Plan(devices), IsOk());
  EXPECT_THAT(Plan(devices, 1), test::FailsWith(base::Code::kUsage));
}

}  // namespace
}  // namespace vmm
