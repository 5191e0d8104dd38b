#include "vmm/plan.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

HostDevice OnVfio(uint8_t bus) {
  HostDevice host;
  host.device.address = {0, bus, 0, 0};
  host.device.class_code = 0x010802;
  host.device.driver = "vfio-pci";
  host.device.iommu_group = bus;
  host.device.modalias = "pci:v00001B36d00000010";
  host.on_vfio = true;
  host.group.id = bus;
  host.group.members = {host.device.address};
  return host;
}

Options Assigning(const std::vector<HostDevice>& devices) {
  Options options;
  for (const HostDevice& host : devices) options.assign.push_back({host.device.address, {}});
  return options;
}

base::Result<MachinePlan> Plan(const std::vector<HostDevice>& devices) {
  return PlanMachine(Assigning(devices), HostSnapshot{devices, 46});
}

TEST(PlanMachine, RefusesABridge) {
  HostDevice host = OnVfio(4);
  host.device.class_code = 0x060400;
  EXPECT_THAT(Plan({host}), FailsWith(Code::kUnfit, HasSubstr("0000:04:00.0: is a bridge")));
}

TEST(PlanMachine, RefusesADeviceWithoutIommu) {
  HostDevice host = OnVfio(8);
  host.device.iommu_group.reset();
  EXPECT_THAT(Plan({host}), FailsWith(Code::kUnfit, HasSubstr("no IOMMU group")));
}

TEST(PlanMachine, RefusesADeviceOnItsHostDriverWithTheCommandToRun) {
  HostDevice host = OnVfio(8);
  host.device.driver = "nvme";
  host.on_vfio = false;
  const auto plan = Plan({host});
  ASSERT_THAT(plan, FailsWith(Code::kInUse, HasSubstr("nvme")));
  EXPECT_EQ(plan.error().hint(), "vassign bind 0000:08:00.0");
}

TEST(PlanMachine, NamesTheBlockerOfAGroup) {
  HostDevice host = OnVfio(5);
  host.blockers = {{{0, 4, 0, 0}, "shpchp"}};
  EXPECT_THAT(Plan({host}),
              FailsWith(Code::kUnfit, AllOf(HasSubstr("0000:04:00.0"), HasSubstr("shpchp"))));
}

TEST(PlanMachine, MergeableRamIsForMachinesWithoutAssignedDevices) {
  Options options = Assigning({OnVfio(8)});
  options.mergeable = true;
  EXPECT_THAT(PlanMachine(options, HostSnapshot{{OnVfio(8)}, 46}),
              FailsWith(Code::kUsage, AllOf(HasSubstr("0000:08:00.0"), HasSubstr("pinned"))));
  options.assign.clear();
  const auto plan = PlanMachine(options, HostSnapshot{{}, 46});
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(CheckHotPlug(OnVfio(8), *plan), FailsWith(Code::kUnfit, HasSubstr("mergeable")));
}

TEST(PlanMachine, RefusesTheSameDeviceTwice) {
  EXPECT_THAT(Plan({OnVfio(8), OnVfio(8)}), FailsWith(Code::kUsage, HasSubstr("twice")));
}

TEST(PlanMachine, IdsAreTheHostsAddressesOrAsAskedForAndNoneTwice) {
  const std::vector<HostDevice> devices = {OnVfio(8), OnVfio(9)};
  Options options = Assigning(devices);
  options.assign[0].id = "nic0";
  const auto plan = PlanMachine(options, {devices, 46});
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->devices[0].id, "nic0");
  EXPECT_EQ(plan->devices[1].id, "0000:09:00.0");
  options.assign[1].id = "nic0";
  EXPECT_THAT(PlanMachine(options, {devices, 46}), FailsWith(Code::kUsage, HasSubstr("id=nic0")));
}

TEST(PlanMachine, RefusesATakenOrImpossibleSlot) {
  const std::vector<HostDevice> devices = {OnVfio(8), OnVfio(9)};
  Options options = Assigning(devices);
  options.assign[0].guest_slot = 5;
  options.assign[1].guest_slot = 5;
  EXPECT_THAT(PlanMachine(options, {devices, 46}), FailsWith(Code::kUsage, HasSubstr("addr=05")));
  options.assign[1].guest_slot = 0;
  EXPECT_THAT(PlanMachine(options, {devices, 46}), FailsWith(Code::kUsage));
  options.assign[1].guest_slot = 32;
  EXPECT_THAT(PlanMachine(options, {devices, 46}), FailsWith(Code::kUsage));
}

TEST(PlanMachine, RequestedSlotsStayAndOthersFillUp) {
  const std::vector<HostDevice> devices = {OnVfio(7), OnVfio(8), OnVfio(9)};
  Options options = Assigning(devices);
  options.assign[1].guest_slot = 1;
  const auto plan = PlanMachine(options, {devices, 46});
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->devices[0].guest_slot, 2);
  EXPECT_EQ(plan->devices[1].guest_slot, 1);
  EXPECT_EQ(plan->devices[2].guest_slot, 3);
}

TEST(PlanMachine, TheNarrowestIommuBoundsRam) {
  HostDevice wide = OnVfio(8), narrow = OnVfio(9);
  wide.iommu_bits = 48;
  narrow.iommu_bits = 39;
  auto plan = Plan({wide, narrow});
  ASSERT_THAT(plan, IsOk());
  ASSERT_EQ(plan->reserved.size(), 1u);
  EXPECT_EQ(plan->reserved[0].start, uint64_t{1} << 39);
  EXPECT_EQ(plan->reserved[0].owner,
            "beyond the 39 bits that the IOMMU of 0000:09:00.0 translates");
  plan = Plan({wide});
  ASSERT_THAT(plan, IsOk());
  EXPECT_TRUE(plan->reserved.empty()) << "the guest cannot address it";
}

TEST(PlanMachine, AMachineWithRamBeyondAnIommuDoesNotGetItsDevice) {
  auto plan = Plan({});
  ASSERT_THAT(plan, IsOk());
  plan->layout.ram = {{0, base::kGiB}, {uint64_t{1} << 39, base::kGiB}};
  HostDevice narrow = OnVfio(9);
  narrow.iommu_bits = 39;
  EXPECT_THAT(CheckHotPlug(narrow, *plan),
              FailsWith(Code::kUnfit, HasSubstr("beyond the 39 bits that the IOMMU")));
  narrow.iommu_bits = 48;
  EXPECT_THAT(CheckHotPlug(narrow, *plan), IsOk());
}

TEST(PlanMachine, LocksMemoryOnlyForDevices) {
  const auto with = Plan({OnVfio(8)});
  ASSERT_THAT(with, IsOk());
  EXPECT_EQ(with->locked_bytes, 512 * base::kMiB);
  const auto without = Plan({});
  ASSERT_THAT(without, IsOk());
  EXPECT_EQ(without->locked_bytes, 0u);
}

TEST(PlanMachine, ABalloonHasItsBlocksAndWhatItDoesNotGoWith) {
  Options options;
  options.balloon.emplace();
  EXPECT_THAT(CheckBalloon(options), IsOk());
  const auto plan = PlanMachine(options, {});
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->dma_block_bytes, 2 * base::kMiB);
  ASSERT_EQ(plan->emulated.size(), 1u);
  EXPECT_EQ(plan->emulated[0].id, "balloon0");
  options.balloon->reporting = true;
  EXPECT_THAT(CheckBalloon(options), IsOk());
  options.assign.emplace_back();
  EXPECT_THAT(CheckBalloon(options), FailsWith(Code::kUnfit));
  options.balloon->reporting = false;
  EXPECT_THAT(CheckBalloon(options), IsOk());
  options.balloon->size = options.memory_bytes + 4096;
  EXPECT_THAT(CheckBalloon(options), FailsWith(Code::kUsage));
  options.balloon->size.reset();
  options.pages = Pages::kHuge2M;
  EXPECT_THAT(CheckBalloon(options), FailsWith(Code::kUnfit));
}

}  // namespace
}  // namespace vmm
