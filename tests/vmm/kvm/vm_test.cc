#include "vmm/kvm/vm.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cerrno>

#include "sysfs/base/mapping.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/matchers.h"

namespace vmm::kvm {
namespace {

using base::Code;
using base::GuestPhys;
using test::FailsWith;
using test::FakeKvm;
using test::IsOk;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

base::Mapping Pages(size_t count) {
  auto mapping = base::Mapping::Anonymous(count * base::kPageSize);
  EXPECT_THAT(mapping, IsOk());
  return std::move(*mapping);
}

base::EventFd Event() {
  auto event = base::EventFd::Create();
  EXPECT_THAT(event, IsOk());
  return std::move(*event);
}

std::unique_ptr<Vm> NewVm(FakeKvm& kvm) {
  auto vm = Vm::Create(kvm);
  EXPECT_THAT(vm, IsOk());
  return std::move(*vm);
}

size_t CountCalls(const FakeKvm& kvm, std::string_view name) {
  const auto calls = kvm.calls();
  return static_cast<size_t>(std::count(calls.begin(), calls.end(), name));
}

TEST(VmCreate, ExplainsAMissingOrForbiddenKvm) {
  FakeKvm kvm;
  kvm.open_error = ENOENT;
  const auto missing = Vm::Create(kvm);
  EXPECT_THAT(missing, FailsWith(Code::kUnsupported, HasSubstr("/dev/kvm")));
  EXPECT_THAT(missing.error().hint(), HasSubstr("kvm_intel or kvm_amd"));
  kvm.open_error = EACCES;
  const auto denied = Vm::Create(kvm);
  EXPECT_THAT(denied, FailsWith(Code::kDenied, HasSubstr("/dev/kvm")));
  EXPECT_THAT(denied.error().hint(), HasSubstr("group kvm"));
}

TEST(VmCreate, RefusesAnotherApi) {
  FakeKvm kvm;
  kvm.api_version = 11;
  EXPECT_THAT(Vm::Create(kvm), FailsWith(Code::kUnsupported, HasSubstr("API version 11")));
}

TEST(VmCreate, FailsCleanlyAtEachCall) {
  FakeKvm whole;
  NewVm(whole);
  const std::vector<std::string> calls = whole.calls();
  for (size_t step = 0; step < calls.size(); ++step) {
    FakeKvm kvm;
    kvm.FailAt(static_cast<int>(step));
    if (calls[step] == "KVM_SET_TSS_ADDR") {
      EXPECT_THAT(Vm::Create(kvm), IsOk());  // not needed where it is refused
    } else {
      EXPECT_THAT(Vm::Create(kvm), FailsWith(Code::kKernel, HasSubstr(calls[step])));
    }
  }
}

TEST(VmCreate, AsksTheHostOnlyOnce) {
  FakeKvm kvm;
  const auto first = NewVm(kvm);
  const size_t calls = kvm.calls().size();
  ASSERT_THAT(Vm::Create(first->host()), IsOk());
  EXPECT_EQ(kvm.calls().size(), calls + 2);
}

TEST(VmMemory, SlotsAreRemovedWithTheirHandles) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const base::Mapping memory = Pages(2);
  {
    auto slot = vm->MapMemory(GuestPhys{0x10000}, memory.bytes(), SlotAccess::kReadOnly);
    ASSERT_THAT(slot, IsOk());
    ASSERT_EQ(kvm.slots.size(), 1u);
    EXPECT_EQ(kvm.slots.begin()->second.guest_phys_addr, 0x10000u);
    EXPECT_EQ(kvm.slots.begin()->second.flags, uint32_t{KVM_MEM_READONLY});
    const MemorySlot moved = std::move(*slot);
    EXPECT_EQ(kvm.slots.size(), 1u);
  }
  EXPECT_THAT(kvm.slots, IsEmpty());
}

TEST(VmMemory, OverlapIsRefusedBeforeTheKernelSeesIt) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const base::Mapping memory = Pages(2);
  const auto slot = vm->MapMemory(GuestPhys{0}, memory.bytes(), SlotAccess::kReadWrite);
  ASSERT_THAT(slot, IsOk());
  EXPECT_THAT(vm->MapMemory(GuestPhys{0x1000}, memory.bytes(), SlotAccess::kReadWrite),
              FailsWith(Code::kInternal, HasSubstr("overlaps")));
  EXPECT_EQ(CountCalls(kvm, "KVM_SET_USER_MEMORY_REGION"), 1u);
}

TEST(VmMemory, ARefusedSlotIsFreeAgain) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const base::Mapping memory = Pages(1);
  kvm.FailAt(static_cast<int>(kvm.calls().size()));
  EXPECT_THAT(vm->MapMemory(GuestPhys{0}, memory.bytes(), SlotAccess::kReadWrite),
              FailsWith(Code::kKernel, HasSubstr("memory slot at 0x0")));
  EXPECT_THAT(vm->MapMemory(GuestPhys{0}, memory.bytes(), SlotAccess::kReadWrite), IsOk());
}

TEST(VmRoutes, OneCommitCarriesAllChangesAndThePins) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  ASSERT_THAT(vm->CommitRoutes(), IsOk());  // nothing changed
  EXPECT_EQ(CountCalls(kvm, "KVM_SET_GSI_ROUTING"), 0u);
  for (uint32_t i = 0; i < 64; ++i) {
    const auto gsi = vm->AllocateGsi();
    ASSERT_THAT(gsi, IsOk());
    vm->SetMsiRoute(*gsi, {uint64_t{1} << 32 | 0xfee00000, 0x4000 + i});
  }
  ASSERT_THAT(vm->CommitRoutes(), IsOk());
  ASSERT_THAT(vm->CommitRoutes(), IsOk());
  EXPECT_EQ(CountCalls(kvm, "KVM_SET_GSI_ROUTING"), 1u);
  ASSERT_EQ(kvm.routes.size(), 23u + 16u + 64u);
  EXPECT_EQ(kvm.routes.front().type, uint32_t{KVM_IRQ_ROUTING_IRQCHIP});
  const kvm_irq_routing_entry& last = kvm.routes.back();
  EXPECT_EQ(last.type, uint32_t{KVM_IRQ_ROUTING_MSI});
  EXPECT_EQ(last.gsi, 24u + 63u);
  EXPECT_EQ(last.u.msi.address_hi, 1u);
  EXPECT_EQ(last.u.msi.address_lo, 0xfee00000u);
  EXPECT_EQ(last.u.msi.data, 0x4000u + 63u);
}

TEST(VmRoutes, AFailedCommitIsTriedAgain) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const auto gsi = vm->AllocateGsi();
  ASSERT_THAT(gsi, IsOk());
  vm->SetMsiRoute(*gsi, {0xfee00000, 1});
  kvm.FailAt(static_cast<int>(kvm.calls().size()));
  EXPECT_THAT(vm->CommitRoutes(), FailsWith(Code::kKernel, HasSubstr("KVM_SET_GSI_ROUTING")));
  EXPECT_THAT(vm->CommitRoutes(), IsOk());
  EXPECT_EQ(kvm.routes.size(), 40u);
}

TEST(VmRoutes, RunOutWithAMessage) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  while (vm->AllocateGsi()) {
  }
  EXPECT_THAT(vm->AllocateGsi(), FailsWith(Code::kKernel, HasSubstr("4096 interrupt routes")));
  vm->FreeGsi(100);
  EXPECT_THAT(vm->AllocateGsi(), IsOk());
}

TEST(VmIrqfd, IsDisconnectedWithItsHandle) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const base::EventFd event = Event();
  {
    auto irqfd = vm->ConnectIrqfd(event, 30);
    ASSERT_THAT(irqfd, IsOk());
    EXPECT_THAT(kvm.irqfds, ElementsAre(Pair(static_cast<uint32_t>(event.fd().raw()), 30u)));
    EXPECT_THAT(vm->ConnectIrqfd(event, 31), FailsWith(Code::kKernel, HasSubstr("interrupt 31")));
  }
  EXPECT_THAT(kvm.irqfds, IsEmpty());
}

TEST(VmDoorbell, IsThereForAsLongAsItsHandle) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const base::EventFd event = Event();
  {
    auto doorbell = vm->ConnectDoorbell(event, GuestPhys{0xc0003000});
    ASSERT_THAT(doorbell, IsOk());
    EXPECT_THAT(kvm.doorbells, ElementsAre(Pair(0xc0003000, event.fd().raw())));
    EXPECT_THAT(vm->ConnectDoorbell(event, GuestPhys{0xc0003000}),
                FailsWith(Code::kKernel, HasSubstr("0xc0003000")));
    const Doorbell moved = std::move(*doorbell);
  }
  EXPECT_THAT(kvm.doorbells, IsEmpty());
}

TEST(VmIrqfd, LevelLinesCarryTheResampleEvent) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  const base::EventFd event = Event();
  const base::EventFd resample = Event();
  EXPECT_THAT(vm->ConnectLevelIrqfd(event, resample, 16), IsOk());
}

TEST(VmInterrupts, FailsCleanlyAtEachCall) {
  for (int step = 0; step < 3; ++step) {
    FakeKvm kvm;
    const auto vm = NewVm(kvm);
    kvm.FailAt(static_cast<int>(kvm.calls().size()) + step);
    EXPECT_THAT(vm->CreateInterruptController(), FailsWith(Code::kKernel));
  }
}

TEST(VmVfio, MakesOneDeviceForAllFiles) {
  FakeKvm kvm;
  const auto vm = NewVm(kvm);
  ASSERT_THAT(vm->LinkVfio(41), IsOk());
  ASSERT_THAT(vm->LinkVfio(42), IsOk());
  EXPECT_THAT(kvm.vfio_files, ElementsAre(41, 42));
  EXPECT_EQ(CountCalls(kvm, "KVM_CREATE_DEVICE"), 1u);
}

}  // namespace
}  // namespace vmm::kvm
