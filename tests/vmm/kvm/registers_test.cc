#include "vmm/kvm/registers.h"

#include <gmock/gmock.h>

namespace vmm::kvm {
namespace {

using testing::HasSubstr;

boot::EntryState Entry(boot::Protocol protocol) {
  boot::EntryState entry;
  entry.protocol = protocol;
  entry.rip = 0x1000200;
  entry.rsi = 0x7000;
  entry.rbx = 0x6000;
  entry.rsp = 0x8ff0;
  entry.cr3 = 0x9000;
  entry.gdt = base::GuestPhys{0x500};
  entry.gdt_limit = 0x27;
  return entry;
}

TEST(EntrySystemRegisters, LinuxStartsInLongModeOnTheLoadersTables) {
  kvm_sregs created{};
  created.apic_base = 0xfee00900;
  const kvm_sregs system = EntrySystemRegisters(Entry(boot::Protocol::kLinux64), created);
  EXPECT_EQ(system.cr0, 0x80000031u);
  EXPECT_EQ(system.cr3, 0x9000u);
  EXPECT_EQ(system.cr4, 0x20u);
  EXPECT_EQ(system.efer, 0x500u);
  EXPECT_EQ(system.cs.l, 1);
  EXPECT_EQ(system.cs.db, 0);
  EXPECT_EQ(system.cs.selector, 0x10);
  EXPECT_EQ(system.gdt.base, 0x500u);
  EXPECT_EQ(system.gdt.limit, 0x27);
  EXPECT_EQ(system.tr.type, 0xb);
  EXPECT_EQ(system.apic_base, 0xfee00900u);
}

TEST(EntrySystemRegisters, PvhStartsFlatWithoutPaging) {
  const kvm_sregs system = EntrySystemRegisters(Entry(boot::Protocol::kPvh), {});
  EXPECT_EQ(system.cr0, 0x11u);
  EXPECT_EQ(system.cr3, 0u);
  EXPECT_EQ(system.cr4, 0u);
  EXPECT_EQ(system.efer, 0u);
  EXPECT_EQ(system.cs.l, 0);
  EXPECT_EQ(system.cs.db, 1);
  EXPECT_EQ(system.cs.limit, 0xffffffffu);
  EXPECT_EQ(system.ss.base, 0u);
  EXPECT_EQ(system.tr.limit, 0x67u);
}

TEST(EntryRegisters, CarryTheProtocolsPointers) {
  const kvm_regs general = EntryRegisters(Entry(boot::Protocol::kLinux64));
  EXPECT_EQ(general.rip, 0x1000200u);
  EXPECT_EQ(general.rsi, 0x7000u);
  EXPECT_EQ(general.rbx, 0x6000u);
  EXPECT_EQ(general.rsp, 0x8ff0u);
  EXPECT_EQ(general.rflags, 2u);
}

TEST(FormatRegisters, ShowsTheInstructionPointerAndTheControlRegisters) {
  kvm_regs general{};
  general.rip = 0xffffffff81000000;
  kvm_sregs system{};
  system.cr3 = 0x1234000;
  const std::string text = FormatRegisters(general, system);
  EXPECT_THAT(text, HasSubstr("rip ffffffff81000000"));
  EXPECT_THAT(text, HasSubstr("cr3 0000000001234000"));
}

}  // namespace
}  // namespace vmm::kvm
