#include "vmm/assigned/device.h"

#include <random>

#include "tests/support/assigned_fixture.h"
#include "vmm/pci/registers.h"

namespace vmm::assigned {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;
using testing::IsEmpty;
namespace header = sysfs::registers::header;

class AssignedDeviceTest : public test::AssignedFixture {
 protected:
  uint32_t HardwareCommand() const { return fake.ConfigValue(header::kCommand, 2); }
  std::vector<uint32_t> WholeConfig() {
    std::vector<uint32_t> words;
    for (unsigned offset = 0; offset < 4096; offset += 4) words.push_back(Config(offset));
    return words;
  }
};

TEST_F(AssignedDeviceTest, ADeviceWithoutMessageInterruptsWorksOtherwise) {
  test::DescribeHeader(fake);
  fake.SetConfigValue(header::kStatus, 0, 2);
  fake.AddRegion(vfio::kBar0Region, 0x10000, test::kReadWriteMap);
  Open();
  Boot();
  EXPECT_TRUE(device->plan().without_interrupts);
  EXPECT_EQ(Config(header::kInterruptPin, Width::k1), 0u);
  EnableMemory();
  EXPECT_EQ(fake_kvm.slots.size(), 1u);
}

TEST_F(AssignedDeviceTest, ADeviceThatHasGoneReadsAllOnesAndHarmsNobody) {
  Start();
  EnableMemory();
  fake.SetConfigBytes(0, std::vector<std::byte>(4096, std::byte{0xff}));
  EXPECT_EQ(Config(header::kVendor), 0xffffffffu);
  fake.Fail("VFIO_DEVICE_SET_IRQS", EIO);
  SetMsixControl(0x8000);
  SetVector(0, 0x30);
  SetMsixControl(0);
  bridge->Disconnect();
  EXPECT_THAT(device->Reset(),
              FailsWith(base::Code::kKernel, HasSubstr("0000:08:00.0: does not answer")));
}

TEST_F(AssignedDeviceTest, EventsOfTheHostAreArmedAtOnce) {
  test::MakeEndpoint(fake);
  fake.AddIrq(vfio::kErrorIrq, 1, VFIO_IRQ_INFO_EVENTFD);
  Open();
  EXPECT_EQ(fake.trigger(vfio::kRequestIrq, 0), device->request_event().fd().raw());
  EXPECT_EQ(fake.trigger(vfio::kErrorIrq, 0), device->error_event().fd().raw());
  EXPECT_EQ(fake.resets(), 0u);
}

TEST_F(AssignedDeviceTest, AnEventThatCannotBeArmedIsNoFailure) {
  test::MakeEndpoint(fake);
  fake.Fail("VFIO_DEVICE_SET_IRQS", EINVAL);
  Open();
  EXPECT_NE(device, nullptr);
}

TEST_F(AssignedDeviceTest, OnlyBusMasterAndDecodingReachTheCommandRegister) {
  Start();
  EXPECT_EQ(HardwareCommand(), pci::kCommandIntxDisable);
  SetConfig(header::kCommand, Width::k2, 0xffff);
  EXPECT_EQ(HardwareCommand(), 0x0407u);
  EXPECT_EQ(Config(header::kCommand, Width::k2), 0x0547u);
  SetConfig(header::kCommand, Width::k1, 0);
  EXPECT_EQ(HardwareCommand(), 0x0400u);
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
}

TEST_F(AssignedDeviceTest, HardwareDecodesAsLongAsABarIsActive) {
  test::MakeEndpoint(fake);
  Open();
  Boot();
  const base::Range at{0xc0000000, 0x2000};
  ASSERT_THAT(device->ApplyBar({2, at, true}, {&ports, &memory, vm.get()}), IsOk());
  device->WriteConfig(header::kCommand, Width::k2, pci::kCommandMemory);
  device->WriteConfig(header::kCommand, Width::k2, 0);
  EXPECT_EQ(HardwareCommand() & pci::kCommandMemory, unsigned{pci::kCommandMemory});
  ASSERT_THAT(device->ApplyBar({2, at, false}, {&ports, &memory, vm.get()}), IsOk());
  EXPECT_EQ(HardwareCommand() & pci::kCommandMemory, 0u);
  EXPECT_THAT(device->ApplyBar({1, at, true}, {}), FailsWith(base::Code::kInternal));
}

TEST_F(AssignedDeviceTest, BarsMoveInEveryOrder) {
  Start();
  EnableMemory();
  const size_t slots = fake_kvm.slots.size();
  const auto is_at = [&](uint64_t base) {
    table_base = base + test::kTableAt;
    EXPECT_EQ(memory.Read(table_base + 12, Width::k4), 1u) << std::hex << base;
    for (const auto& [number, slot] : fake_kvm.slots) {
      const base::Range range{slot.guest_phys_addr, slot.memory_size};
      EXPECT_TRUE((base::Range{base, 0x10000}.Contains(range) || range.size == 0x2000));
    }
    EXPECT_EQ(fake_kvm.slots.size(), slots);
  };
  is_at(Bar0());
  SetConfig(0x10, Width::k4, 0xd0000000);  // low half first
  SetConfig(0x14, Width::k4, 0x11);
  is_at(0x11'd0000000);
  SetConfig(0x14, Width::k4, 0x12);  // high half first
  SetConfig(0x10, Width::k4, 0xe0000000);
  is_at(0x12'e0000000);
  SetConfig(header::kCommand, Width::k2, 0);  // sized and moved while decoding is off
  SetConfig(0x10, Width::k4, 0xffffffff);
  SetConfig(0x14, Width::k4, 0xffffffff);
  EXPECT_EQ(Config(0x10), 0xffff000cu);
  EXPECT_EQ(Config(0x14), 0xffffffffu);
  SetConfig(0x13, Width::k1, 0xd1);
  SetConfig(0x11, Width::k2, 0);
  SetConfig(0x14, Width::k4, 0);
  EnableMemory();
  is_at(0xd1000000);
}

TEST_F(AssignedDeviceTest, TableAndPendingBitsAreTheMonitorsInAnyWidth) {
  Start();
  EnableMemory();
  const uint64_t base = Bar0();
  fake.SetRegionBytes(0, test::kTableAt, std::vector<std::byte>(0x1000, std::byte{0xee}));
  memory.Write(base + test::kTableAt, Width::k8, 0x1122334455667788);
  EXPECT_EQ(memory.Read(base + test::kTableAt + 2, Width::k2), 0x5566u);
  EXPECT_EQ(fake.RegionBytes(0, test::kTableAt, 1)[0], std::byte{0xee});
  const uint64_t end = base + test::kTableAt + 256;
  EXPECT_EQ(memory.Read(end, Width::k4), 0xeeeeeeeeu);              // behind it: the device
  EXPECT_EQ(memory.Read(end - 4, Width::k8), 0xeeeeeeee00000001u);  // half and half
  memory.Write(end - 4, Width::k8, 0x5555555500000000);
  EXPECT_EQ(memory.Read(end - 4, Width::k8), 0x5555555500000000u);
  EXPECT_EQ(fake.RegionBytes(0, test::kTableAt + 252, 1)[0], std::byte{0xee});
  memory.Write(base + test::kPendingAt, Width::k8, ~uint64_t{0});
  EXPECT_EQ(memory.Read(base + test::kPendingAt, Width::k8), 0u);
}

TEST_F(AssignedDeviceTest, RebootReturnsToTheInitialState) {
  Start();
  const std::vector<uint32_t> initial = WholeConfig();
  SetConfig(header::kCommand, Width::k2, 0x547);
  SetVector(3, 0x33);
  SetMsixControl(0x8000);
  SetConfig(0x18, Width::k4, 0xc8000000);
  SetConfig(header::kInterruptLine, Width::k1, 11);
  SetConfig(test::kPowerAt + 4, Width::k1, 3);
  EXPECT_NE(WholeConfig(), initial);
  EXPECT_EQ(fake_kvm.irqfds.size(), 1u);
  bridge->Disconnect();
  EXPECT_EQ(HardwareCommand(), pci::kCommandIntxDisable);
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
  EXPECT_THAT(fake_kvm.irqfds, IsEmpty());
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, 3), -1);
  EXPECT_NE(fake.trigger(vfio::kRequestIrq, 0), -1);
  ASSERT_THAT(bridge->Connect({&ports, &memory, vm.get()}, *vm), IsOk());
  Reboot();
  EXPECT_EQ(fake.resets(), 1u);
  EXPECT_EQ(WholeConfig(), initial);
  EnableMemory();
  EXPECT_EQ(Table(3, 12), 1u);
  EXPECT_EQ(Table(3, 8), 0u);
}

TEST_F(AssignedDeviceTest, TheGuestsResetLeavesTheInitialStateAndAWorkingFunction) {
  Start();
  std::vector<uint32_t> initial = WholeConfig();
  const uint64_t bar0 = Bar0();
  SetConfig(0x18, Width::k4, 0xc8000000);
  SetConfig(header::kInterruptLine, Width::k1, 11);
  SetConfig(test::kPowerAt + 4, Width::k1, 3);
  SetConfig(header::kCommand, Width::k2, 0x547);
  SetVector(3, 0x33);
  SetMsixControl(0x8000);
  EXPECT_EQ(fake_kvm.irqfds.size(), 1u);
  ASSERT_FALSE(fake_kvm.slots.empty());

  SetConfig(test::kExpressAt + 8, Width::k2, 0xa810);
  EXPECT_EQ(fake.ConfigValue(test::kExpressAt + 8, 2), 0xa810u);
  EXPECT_EQ(HardwareCommand(), pci::kCommandIntxDisable);
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
  EXPECT_THAT(fake_kvm.irqfds, IsEmpty());
  EXPECT_EQ(fake.trigger(vfio::kMsixIrq, 3), -1);
  EXPECT_NE(fake.trigger(vfio::kRequestIrq, 0), -1);
  EXPECT_EQ(device->counters().function_resets, 1u);
  for (const unsigned bar : {0x10u, 0x14u, 0x18u, 0x20u}) initial[bar / 4] &= bar == 0x14 ? 0 : 0xf;
  initial[(test::kExpressAt + 8) / 4] |= 0x8000;  // the kernel would have cleared it
  EXPECT_EQ(WholeConfig(), initial);

  SetConfig(0x10, Width::k4, static_cast<uint32_t>(bar0));
  SetConfig(0x14, Width::k4, static_cast<uint32_t>(bar0 >> 32));
  EnableMemory();
  EXPECT_EQ(Table(3, 12), 1u);
  EXPECT_EQ(Table(3, 8), 0u);
  EXPECT_FALSE(fake_kvm.slots.empty());
  SetVector(3, 0x33);
  SetMsixControl(0x8000);
  EXPECT_EQ(fake_kvm.irqfds.size(), 1u);
  EXPECT_NE(fake.trigger(vfio::kMsixIrq, 3), -1);
}

TEST_F(AssignedDeviceTest, TheRomIsReadWithoutExitsAndNeverWritten) {
  test::MakeEndpoint(fake);
  fake.AddRegion(vfio::kRomRegion, 0x2000, test::kReadOnly);
  fake.SetRegionBytes(vfio::kRomRegion, 0x1fff, std::vector{std::byte{0x5a}});
  Open();
  Boot();
  const uint32_t at = Config(header::kRom);
  EXPECT_NE(at, 0u);
  EXPECT_EQ(at & 1, 0u);
  EnableMemory();
  const size_t slots = fake_kvm.slots.size();
  SetConfig(header::kRom, Width::k4, at | 1);
  ASSERT_EQ(fake_kvm.slots.size(), slots + 1);
  for (const auto& [number, slot] : fake_kvm.slots) {
    if (slot.guest_phys_addr != at) continue;
    EXPECT_EQ(slot.memory_size, 0x2000u);
    EXPECT_NE(slot.flags & KVM_MEM_READONLY, 0u);
    EXPECT_EQ(reinterpret_cast<const uint8_t*>(slot.userspace_addr)[0x1fff], 0x5a);
  }
  SetConfig(header::kRom, Width::k1, 0);
  EXPECT_EQ(fake_kvm.slots.size(), slots);
  SetConfig(header::kRom, Width::k4, at | 1);
  SetConfig(test::kExpressAt + 8, Width::k2, 0x8000);
  EXPECT_EQ(Config(header::kRom), 0u);
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
}

TEST_F(AssignedDeviceTest, TheRomCanBeOff) {
  test::MakeEndpoint(fake);
  fake.AddRegion(vfio::kRomRegion, 0x2000, test::kReadOnly);
  DeviceOptions options;
  options.rom.off = true;
  device = std::move(*AssignedDevice::Create(std::move(*fake.Open(kernel)), std::move(options)));
  EXPECT_EQ(device->ReadConfig(header::kRom, Width::k4), 0u);
  device->WriteConfig(header::kRom, Width::k4, ~0u);
  EXPECT_EQ(device->ReadConfig(header::kRom, Width::k4), 0u);
  options.rom = {false, "/no/such/file"};
  EXPECT_THAT(AssignedDevice::Create(std::move(*fake.Open(kernel)), std::move(options)),
              FailsWith(base::Code::kUsage, HasSubstr("/no/such/file")));
}

TEST_F(AssignedDeviceTest, WithoutAResetARebootSaysSo) {
  fake.SetResettable(false);
  Start();
  bridge->Disconnect();
  EXPECT_THAT(device->Reset(), FailsWith(base::Code::kUnsupported));
}

TEST_F(AssignedDeviceTest, CountsWhatCostsExits) {
  Start();
  EnableMemory();
  const AssignedCounters before = device->counters();
  Config(0);
  SetConfig(0x3c, Width::k1, 1);
  memory.Read(Bar0() + test::kTableAt, Width::k4);
  const AssignedCounters after = device->counters();
  EXPECT_EQ(after.config_accesses - before.config_accesses, 4u);  // Bar0 reads two registers
  EXPECT_EQ(after.trapped[0] - before.trapped[0], 1u);
  EXPECT_EQ(after.trapped[2], 0u);
}

// A hostile guest: no crash, no owned byte reaches the hardware, no slot outside of the windows or
// over the emulated pages.
TEST_F(AssignedDeviceTest, ARandomGuestStaysInItsPlace) {
  std::mt19937_64 random(2024);
  Start();
  const std::vector<std::byte> before = fake.Config(0, 4096);
  const Layout layout = test::LayoutWithWindows();
  const auto any_width = [&] { return static_cast<Width>(1u << random() % 4); };
  const uint32_t hot[] = {0x04, 0x10, 0x14, 0x18, 0x20, 0x50, 0x52, 0x54, 0x60, 0x64, 0xb0, 0xb2};
  uint64_t mapped_rounds = 0;
  for (unsigned i = 0; i < 100000; ++i) {
    const uint64_t value = random() % 3 == 0 ? 0xc0000000 + random() % 64 * 0x10000 : random();
    if (random() % 2 == 0) {
      const uint64_t offset = random() % 2 == 0 ? hot[random() % std::size(hot)] : random() % 4096;
      const uint64_t at = layout.ecam.base + kDevfn * base::kPageSize + offset;
      if (random() % 3 == 0) memory.Read(at, any_width());
      memory.Write(at, any_width(), value);
      if (random() % 16 == 0) SetConfig(kCommandAt, Width::k1, 7);
    } else {
      const uint64_t at = Bar0() + (random() % 2 == 0 ? test::kTableAt + random() % 300
                                                      : test::kPendingAt + random() % 32);
      if (random() % 2 == 0) memory.Read(at, any_width());
      memory.Write(at, any_width(), random() % 2 == 0 ? 0xfee00000 : random());
    }
    for (const auto& [number, slot] : fake_kvm.slots) {
      const base::Range range{slot.guest_phys_addr, slot.memory_size};
      ASSERT_TRUE(layout.mmio32.Contains(range) || layout.mmio64.Contains(range));
      ASSERT_FALSE(range.Overlaps({Bar0() + test::kTableAt, 0x1000}) && range.size != 0x2000);
    }
    mapped_rounds += fake_kvm.slots.empty() ? 0 : 1;
  }
  EXPECT_GT(mapped_rounds, 1000u);
  const std::vector<std::byte> after = fake.Config(0, 4096);
  for (uint16_t i = 0; i < 4096; ++i) {
    if (!device->plan().space.FullyOwned(i, Width::k1) || i / 2 == header::kCommand / 2) continue;
    ASSERT_EQ(after[i], before[i]) << i;
  }
  EXPECT_EQ(HardwareCommand() & ~7u, unsigned{pci::kCommandIntxDisable});
}

}  // namespace
}  // namespace vmm::assigned
