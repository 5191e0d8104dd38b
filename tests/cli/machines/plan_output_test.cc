#include "cli/machines/plan_output.h"

#include <gmock/gmock.h>

#include "sysfs/base/address.h"
#include "tests/cli/schema_run.h"

namespace cli {
namespace {

using base::kGiB;
using base::kMiB;
using testing::HasSubstr;
using testing::Not;

vmm::DevicePreview Drive() {
  vmm::DevicePreview drive;
  drive.host.device.address = {0, 8, 0, 0};
  drive.host.device.driver = "vfio-pci";
  drive.host.device.iommu_group = 14;
  drive.host.bars = {
      {0, 0xfe000000, 16384, 0x140204}, {1, 0x3000, 256, 0x101}, {6, 0xfe100000, 65536, 0x46200}};
  drive.place = {{0, 8, 0, 0}, 1, true, 0, "", "drive"};
  drive.port = 1;
  drive.vectors = {true, 0, 65, true};
  drive.reset = {{0, 8, 0, 0}, vfio::ResetKind::kFunction, "flr", {}, {}, {}};
  return drive;
}

vmm::MachinePreview Whole() {
  vmm::MachinePreview preview;
  preview.plan.emplace();
  preview.plan->layout.ram = {{0, 2 * kGiB}, {4 * kGiB, 2 * kGiB}};
  preview.plan->layout.ecam = {0xb0000000, 256 * kMiB};
  preview.plan->layout.mmio32 = {0xc0000000, 0xfec00000 - 0xc0000000};
  preview.plan->layout.mmio64 = {64 * kGiB, 64 * kGiB};
  preview.plan->locked_bytes = 4 * kGiB;
  preview.plan->reserved = {{0xfee00000, 0xfeefffff, "msi, IOMMU group 14 of 0000:08:00.0"}};
  preview.devices = {Drive()};
  preview.kernel = "/boot/vmlinuz-6.12";
  preview.generated_initramfs = true;
  preview.dma = vfio::Choice{vfio::Backend::kIommufd, "iommufd: /dev/iommu is there"};
  preview.dma_maps = 2;
  preview.memlock = {8 * kMiB, 8 * kGiB, false};
  preview.memlock_needed = 4 * kGiB + 256 * kMiB;
  preview.populate_threads = 2;
  preview.memory = vmm::EstimateMemory(4 * kGiB, vmm::Pages::kTransparent, true, 2);
  preview.vector_pool = {391, "debugfs irq/domains/VECTOR"};
  preview.descriptor_limit = {1024, 524288};
  preview.most_descriptors = 141;
  return preview;
}

vmm::Options Machine() {
  vmm::Options options;
  options.cpus = 4;
  options.memory_bytes = 4 * kGiB;
  return options;
}

constexpr std::string_view kPage = R"(4 processors, 4 GiB of RAM in transparent huge pages
Kernel /boot/vmlinuz-6.12 with a generated initramfs

Device 0000:08:00.0
  id            drive
  on the host   driver vfio-pci, IOMMU group 14
  in the guest  function 0 behind port1, can be unplugged
  BARs          0: 16 KiB, 64 bits
                1: 256 B of I/O ports, trapped
                ROM: 64 KiB, prefetchable
  interrupts    INTx, MSI-X up to 65; a driver with a queue for each processor
                takes 5
  reset         function reset (flr)

DMA
  back end      iommufd: /dev/iommu is there
  maps          2, one for each piece of RAM
  locked        4 GiB; RLIMIT_MEMLOCK allows 8 MiB, is raised to 4.2 GiB
  time          about 500 ms to fill 2048 pages of 2 MiB with 2 threads, then
                about 7 ms to pin them (estimate)
  host vectors  5 usual, 65 at most; 391 free on the host (debugfs
                irq/domains/VECTOR)

Guest memory map
  0x000000000000-0x00007fffffff      2 GiB  RAM
  0x0000b0000000-0x0000bfffffff    256 MiB  PCIe configuration space
  0x0000c0000000-0x0000febfffff   1004 MiB  32-bit BARs
  0x0000fec00000-0x0000fec00fff      4 KiB  I/O APIC
  0x0000fee00000-0x0000fee00fff      4 KiB  local APIC
  0x000100000000-0x00017fffffff      2 GiB  RAM
  0x001000000000-0x001fffffffff     64 GiB  64-bit BARs

Reserved IOVA ranges, kept free of RAM
  0x0000fee00000-0x0000feefffff  msi, IOMMU group 14 of 0000:08:00.0

Open files
  needed        at most 141
  limit         1024, is raised to 524288

No problem found: vmm run would start
)";

TEST(PreviewText, OfAWholeMachine) { EXPECT_EQ(PreviewText(Machine(), Whole(), false), kPage); }

TEST(PreviewText, ProblemsComeWithTheirCure) {
  vmm::MachinePreview preview = Whole();
  preview.dma.reset();
  preview.devices[0].vectors.known = false;
  preview.problems.push_back(base::Error(base::Code::kInUse, "0000:08:00.0: is on nvme")
                                 .WithHint("vassign bind 0000:08:00.0"));
  const std::string text = PreviewText(Machine(), preview, false);
  EXPECT_THAT(text, HasSubstr("What would stop vmm run\n  -             0000:08:00.0: is on nvme\n"
                              "    cure        vassign bind 0000:08:00.0\n"));
  EXPECT_THAT(text, HasSubstr("not readable without root"));
  EXPECT_THAT(text, Not(HasSubstr("would start")));
}

std::pair<vmm::Options, vmm::MachinePreview> WithDisks() {
  vmm::Options options = Machine();
  vmm::MachinePreview preview = Whole();
  options.disks.resize(2);
  options.disks[0].image.file = "/images/db.raw";
  options.disks[0].queues = 4;
  options.disks[1].image.file = "/dev/sdb";
  options.disks[1].image.readonly = true;
  options.disks[1].image.cache = vmm::virtio::CacheMode::kUnsafe;
  preview.disks = {{"disk0", 2, 10 * kGiB}, {"disk1", 3, 0}};
  return {options, preview};
}

TEST(PreviewText, ADiskIsItsFileAndItsPlace) {
  const auto [options, preview] = WithDisks();
  const std::string text = PreviewText(options, preview, false);
  EXPECT_THAT(text, HasSubstr("Disk disk0\n  file          /images/db.raw, 10 GiB\n  in the guest  "
                              "behind port2, can be unplugged\n  queues        4\n  cache         "
                              "writeback\n"));
  EXPECT_THAT(text, HasSubstr("/dev/sdb, read-only"));
  EXPECT_THAT(text, HasSubstr("may be lost"));
}

std::pair<vmm::Options, vmm::MachinePreview> WithFallbacks() {
  auto [options, preview] = WithDisks();
  preview.devices.clear();
  options.mergeable = true;
  options.nets.resize(1);
  options.nets[0].link = vmm::virtio::MacvtapLink{"eth1"};
  preview.nets = {{"nic", 4}};
  const auto why = base::Error(base::Code::kUnfit, "no IOMMU group").WithHint("intel_iommu=on");
  options.fallbacks = {
      {{0, 8, 0, 0}, "disk1", why, vmm::FallbackKind::kDisk, 1, "virtio-blk on /dev/sdb", "slow"},
      {{0, 9, 0, 0}, "nic", why, vmm::FallbackKind::kNet, 0, "a macvtap", "not to the host"}};
  preview.host_memory.emplace();
  preview.host_memory->available = kGiB;
  preview.host_memory->overcommit = 0;
  preview.host_memory->machines = 2;
  preview.host_memory->machines_bytes = 4 * kGiB;
  preview.host_memory->machines_unused = kGiB;
  preview.host_memory->group = "/vms.slice";
  preview.host_memory->group_limit = 2 * kGiB;
  preview.memory_verdict =
      vmm::JudgeMemory(*preview.host_memory, {options.memory_bytes, false, true});
  return {options, preview};
}

TEST(PreviewText, WhatServesForADeviceSaysWhy) {
  const auto [options, preview] = WithFallbacks();
  const std::string text = PreviewText(options, preview, false);
  EXPECT_THAT(text, HasSubstr("Device 0000:08:00.0, served by virtio\n  not assigned  no IOMMU "
                              "group\n  cure          intel_iommu=on\n  instead       virtio-blk "
                              "on /dev/sdb\n  meaning       slow\n"));
  EXPECT_THAT(text, HasSubstr("a new macvtap over eth1"));
}

TEST(PreviewText, TheHostsMemoryStandsBesideTheGuests) {
  const auto [options, preview] = WithFallbacks();
  const std::string text = PreviewText(options, preview, false);
  EXPECT_THAT(text, HasSubstr("4 GiB of RAM in mergeable pages"));
  EXPECT_THAT(text, HasSubstr("Host memory\n  guest RAM     4 GiB, as the guest uses it, merged"));
  EXPECT_THAT(text, HasSubstr("  control group /vms.slice: 0 B used of 2 GiB\n"));
  EXPECT_THAT(text, HasSubstr("  others        2 with a name: 4 GiB, of which 1 GiB are unused\n"));
  EXPECT_THAT(text, HasSubstr("overcommitted by 4 GiB"));
}

TEST(PreviewText, TooFewDescriptorsAreTold) {
  vmm::MachinePreview preview = Whole();
  preview.descriptor_limit = {64, 64};
  const std::string text = PreviewText(Machine(), preview, false);
  EXPECT_THAT(text, HasSubstr("  limit         64\n  note          a device may get fewer"));
  EXPECT_THAT(text, HasSubstr("LimitNOFILE=141"));
}

TEST(PreviewText, OfNothingIsThePlainMachine) {
  EXPECT_EQ(PreviewText({}, {}, false),
            "1 processor, 512 MiB of RAM in transparent huge pages\n\nNo problem found: vmm run "
            "would start\n");
}

class PreviewSchema : public test::SchemaTest {};

TEST_F(PreviewSchema, DocumentsFollowIt) {
  schema_ = VMM_SCHEMA;
  vmm::MachinePreview other = Whole();
  other.devices[0].vectors.known = false;
  other.devices[0].port = 0;
  other.devices[0].host.device.driver.reset();
  other.dma.reset();
  other.memlock.hard = vfio::kUnlimited;
  other.vector_pool = {};
  other.problems.push_back(base::Error(base::Code::kUnfit, "no"));
  int number = 0;
  for (const vmm::MachinePreview& one : {Whole(), other, vmm::MachinePreview()}) {
    Keep(std::to_string(++number) + ".json", PreviewJson(Machine(), one).dump());
  }
  const auto [options, disks] = WithDisks();
  Keep("disks.json", PreviewJson(options, disks).dump());
  const auto [served, fallbacks] = WithFallbacks();
  Keep("fallbacks.json", PreviewJson(served, fallbacks).dump());
  const auto outcome = Validate();
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

}  // namespace
}  // namespace cli
