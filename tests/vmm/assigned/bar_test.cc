#include "vmm/assigned/bar.h"

#include <gmock/gmock.h>

#include "tests/support/fake_endpoint.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"

namespace vmm::assigned {
namespace {

using test::FailsWith;
using test::IsOk;
using testing::IsEmpty;

constexpr base::Range kAt{0xc0000000, 0x10000};

// Answers with the offset at which its window begins.
class Echo final : public IoDevice {
 public:
  explicit Echo(uint64_t offset) : offset_(offset) {}
  std::string_view name() const override { return "echo"; }
  uint64_t Read(Access access) override { return offset_ + access.offset; }
  void Write(Access, uint64_t) override {}

 private:
  uint64_t offset_;
};

class AssignedBarTest : public testing::Test {
 protected:
  AssignedBarTest() {
    test::MakeEndpoint(fake);
    device.emplace(std::move(*fake.Open(kernel)));
    vm = std::move(*kvm::Vm::Create(fake_kvm));
  }
  pci::Spaces WithVm() { return {&ports, &memory, vm.get()}; }
  base::Status Activate(AssignedBar& bar, const pci::Spaces& spaces, const base::Range& at = kAt,
                        bool owns_page = false) {
    return bar.Activate(*device, {bar.info().index, at, true, owns_page}, spaces,
                        [](uint64_t offset) { return std::make_shared<Echo>(offset); });
  }
  AssignedBar MakeBar() const {
    const MsixLayout msix{test::kMsixAt, 16, 0, test::kTableAt, 0, test::kPendingAt};
    return AssignedBar({0, pci::BarKind::kMemory64, 0x10000, true},
                       PlanBar(*device->region(0), msix, base::kPageSize));
  }

  test::ScriptedKernel kernel;
  test::FakeVfioDevice fake;
  test::FakeKvm fake_kvm;
  Bus ports, memory;
  std::optional<vfio::Device> device;
  std::unique_ptr<kvm::Vm> vm;
};

TEST_F(AssignedBarTest, SlotsAndWindowsExistOnlyWhileActive) {
  AssignedBar bar = MakeBar();
  ASSERT_THAT(Activate(bar, WithVm()), IsOk());
  ASSERT_EQ(fake_kvm.slots.size(), 3u);  // before, between and after the emulated pages
  uint64_t mapped = 0;
  for (const auto& [number, slot] : fake_kvm.slots) {
    EXPECT_TRUE(kAt.Contains(base::Range{slot.guest_phys_addr, slot.memory_size}));
    mapped += slot.memory_size;
  }
  EXPECT_EQ(mapped, 0x10000u - 2 * base::kPageSize);
  EXPECT_EQ(memory.Read(kAt.base + test::kTableAt + 4, Width::k4), test::kTableAt + 4);
  EXPECT_EQ(memory.Read(kAt.base, Width::k4), 0xffffffffu);
  bar.Deactivate();
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
  EXPECT_EQ(memory.Read(kAt.base + test::kTableAt, Width::k4), 0xffffffffu);
}

TEST_F(AssignedBarTest, TheGuestReachesTheDevicesMemory) {
  AssignedBar bar = MakeBar();
  ASSERT_THAT(Activate(bar, WithVm()), IsOk());
  for (const auto& [number, slot] : fake_kvm.slots) {
    *reinterpret_cast<uint8_t*>(slot.userspace_addr) = 0x5a;
    EXPECT_EQ(fake.RegionBytes(0, slot.guest_phys_addr - kAt.base, 1)[0], std::byte{0x5a});
  }
}

TEST_F(AssignedBarTest, MapsTheDeviceOnceForAllMoves) {
  AssignedBar bar = MakeBar();
  ASSERT_THAT(Activate(bar, WithVm()), IsOk());
  const uint64_t host = fake_kvm.slots.begin()->second.userspace_addr;
  ASSERT_THAT(Activate(bar, WithVm(), {0xd0000000, 0x10000}), IsOk());
  ASSERT_EQ(fake_kvm.slots.size(), 3u);
  EXPECT_EQ(fake_kvm.slots.begin()->second.userspace_addr, host);
  EXPECT_EQ(fake_kvm.slots.begin()->second.guest_phys_addr, 0xd0000000u);
}

TEST_F(AssignedBarTest, WithoutAMachineEveryAccessIsTrapped) {
  AssignedBar bar = MakeBar();
  ASSERT_THAT(Activate(bar, {&ports, &memory, nullptr}), IsOk());
  for (const uint64_t offset : {0x0ull, 0x1ffcull, 0x2000ull, 0x3000ull, 0xb000ull, 0xfffcull}) {
    EXPECT_EQ(memory.Read(kAt.base + offset, Width::k4), offset);
  }
}

TEST_F(AssignedBarTest, AFailureAtEachSlotLeavesNothingBehind) {
  for (int failing = 0; failing < 3; ++failing) {
    AssignedBar bar = MakeBar();
    fake_kvm.FailAt(static_cast<int>(fake_kvm.calls().size()) + failing);
    EXPECT_THAT(Activate(bar, WithVm()), FailsWith(base::Code::kKernel));
    EXPECT_FALSE(bar.active());
    EXPECT_THAT(fake_kvm.slots, IsEmpty());
    EXPECT_EQ(memory.Read(kAt.base + test::kTableAt, Width::k4), 0xffffffffu);
    fake_kvm.FailAt(-1);
  }
}

TEST_F(AssignedBarTest, AnOccupiedWindowLeavesNothingBehind) {
  const base::Range other{kAt.base + test::kPendingAt, 16};
  ASSERT_THAT(memory.Attach(other, std::make_shared<Echo>(0)), IsOk());
  AssignedBar bar = MakeBar();
  EXPECT_THAT(Activate(bar, WithVm()), FailsWith(base::Code::kInternal));
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
}

TEST_F(AssignedBarTest, ABarSmallerThanAPageIsMappedWhileThePageIsItsOwn) {
  fake.AddRegion(1, 256, test::kReadWriteMap);
  device.emplace(std::move(*fake.Open(kernel)));
  AssignedBar bar({1, pci::BarKind::kMemory32, 256, false}, PlanBar(*device->region(1), {}, 4096));
  const base::Range at{0xc0000000, 256};
  ASSERT_THAT(Activate(bar, WithVm(), at, true), IsOk());
  ASSERT_EQ(fake_kvm.slots.size(), 1u);
  EXPECT_EQ(fake_kvm.slots.begin()->second.guest_phys_addr, at.base);
  EXPECT_EQ(fake_kvm.slots.begin()->second.memory_size, 4096u);
  *reinterpret_cast<uint8_t*>(fake_kvm.slots.begin()->second.userspace_addr) = 0x5a;
  EXPECT_EQ(fake.RegionBytes(1, 0, 1)[0], std::byte{0x5a});
  for (const base::Range& shared : {at, base::Range{0xc0000100, 256}}) {
    ASSERT_THAT(Activate(bar, WithVm(), shared), IsOk());
    EXPECT_THAT(fake_kvm.slots, IsEmpty());
    EXPECT_EQ(memory.Read(shared.base + 252, Width::k4), 252u);
    EXPECT_EQ(memory.Read(shared.base + 256, Width::k4), 0xffffffffu);
  }
}

// A processor that uses the BAR while a neighbour comes into its page.
TEST_F(AssignedBarTest, ABarThatStaysIsReachableAllTheTime) {
  fake.AddRegion(1, 256, test::kReadWriteMap);
  device.emplace(std::move(*fake.Open(kernel)));
  AssignedBar bar({1, pci::BarKind::kMemory32, 256, false}, PlanBar(*device->region(1), {}, 4096));
  const base::Range at{0xc0000000, 256};
  ASSERT_THAT(Activate(bar, WithVm(), at, true), IsOk());
  size_t slots_before_the_window = 0;
  ASSERT_THAT(bar.Activate(*device, {1, at, true, false}, WithVm(),
                           [&](uint64_t offset) {
                             slots_before_the_window = fake_kvm.slots.size();
                             return std::make_shared<Echo>(offset);
                           }),
              IsOk());
  EXPECT_EQ(slots_before_the_window, 1u);
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
  ASSERT_THAT(Activate(bar, WithVm(), at, true), IsOk());
  EXPECT_EQ(fake_kvm.slots.size(), 1u);
  EXPECT_EQ(memory.Read(at.base, Width::k4), 0xffffffffu);
  const size_t calls = fake_kvm.calls().size();
  ASSERT_THAT(Activate(bar, WithVm(), at, true), IsOk());
  EXPECT_EQ(fake_kvm.calls().size(), calls);
}

TEST_F(AssignedBarTest, TheRomIsACopyOrNothing) {
  AssignedBar rom({pci::kRomBar, pci::BarKind::kMemory32, 4096, false},
                  std::vector{std::byte{0x55}});
  ASSERT_THAT(Activate(rom, WithVm(), {0xc0000000, 4096}), IsOk());
  ASSERT_EQ(fake_kvm.slots.size(), 1u);
  EXPECT_EQ(*reinterpret_cast<uint8_t*>(fake_kvm.slots.begin()->second.userspace_addr), 0x55);
  EXPECT_THAT(Activate(rom, {&ports, &memory, nullptr}, {0xc0000000, 4096}),
              FailsWith(base::Code::kKernel));
  EXPECT_FALSE(rom.active());
}

TEST_F(AssignedBarTest, PortsGoToThePortSpace) {
  AssignedBar bar({4, pci::BarKind::kIo, 32, false}, PlanBar(*device->region(4), {}, 4096));
  ASSERT_THAT(Activate(bar, WithVm(), {0xc000, 32}), IsOk());
  EXPECT_EQ(ports.Read(0xc004, Width::k2), 4u);
  EXPECT_THAT(fake_kvm.slots, IsEmpty());
}

}  // namespace
}  // namespace vmm::assigned
