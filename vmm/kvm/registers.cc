#include "vmm/kvm/registers.h"

#include <fmt/format.h>

namespace vmm::kvm {
namespace {

constexpr uint64_t kFlagsReserved = 0x2;  // bit 1 is always set

// Selectors of the boot protocol: __BOOT_CS, __BOOT_DS, and the task state segment after them.
constexpr uint16_t kCodeSelector = 0x10;
constexpr uint16_t kDataSelector = 0x18;
constexpr uint16_t kTaskSelector = 0x20;

constexpr uint64_t kCr0Protected = 0x1;
constexpr uint64_t kCr0ExtensionType = 0x10;
constexpr uint64_t kCr0NumericError = 0x20;
constexpr uint64_t kCr0Paging = 0x80000000;
constexpr uint64_t kCr4PhysicalAddressExtension = 0x20;
constexpr uint64_t kEferLongModeEnable = 0x100;
constexpr uint64_t kEferLongModeActive = 0x400;

// Descriptor types (Intel SDM volume 3, 3.4.5.1 and 3.5).
constexpr uint8_t kCode = 0xb;  // execute, read, accessed
constexpr uint8_t kData = 0x3;  // read, write, accessed
constexpr uint8_t kTask = 0xb;  // busy task state segment

kvm_segment Flat(uint16_t selector, uint8_t type, bool long_mode) {
  kvm_segment segment{};
  segment.limit = 0xffffffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.s = 1;
  segment.g = 1;
  segment.l = long_mode ? 1 : 0;
  segment.db = long_mode ? 0 : 1;
  return segment;
}

kvm_segment TaskState() {
  kvm_segment segment{};
  segment.limit = 0x67;
  segment.selector = kTaskSelector;
  segment.type = kTask;
  segment.present = 1;
  return segment;
}

std::string FormatSegment(const char* name, const kvm_segment& segment) {
  return fmt::format("{} {:04x} base {:016x} limit {:08x} type {:x} s {} dpl {} p {} l {} db {}",
                     name, segment.selector, segment.base, segment.limit, segment.type, segment.s,
                     segment.dpl, segment.present, segment.l, segment.db);
}

}  // namespace

kvm_regs EntryRegisters(const boot::EntryState& entry) {
  kvm_regs general{};
  general.rip = entry.rip;
  general.rsp = entry.rsp;
  general.rsi = entry.rsi;
  general.rbx = entry.rbx;
  general.rflags = kFlagsReserved;
  return general;
}

kvm_sregs EntrySystemRegisters(const boot::EntryState& entry, kvm_sregs system) {
  const bool long_mode = entry.protocol == boot::Protocol::kLinux64;
  system.cs = Flat(kCodeSelector, kCode, long_mode);
  const kvm_segment data = Flat(kDataSelector, kData, false);
  system.ds = system.es = system.fs = system.gs = system.ss = data;
  system.tr = TaskState();
  system.ldt = {};
  system.ldt.unusable = 1;
  system.gdt.base = entry.gdt.value;
  system.gdt.limit = entry.gdt_limit;
  system.idt.base = 0;
  system.idt.limit = 0;
  system.cr0 = kCr0Protected | kCr0ExtensionType;
  system.cr2 = 0;
  system.cr3 = 0;
  system.cr4 = 0;
  system.efer = 0;
  if (long_mode) {
    system.cr0 |= kCr0NumericError | kCr0Paging;
    system.cr3 = entry.cr3;
    system.cr4 = kCr4PhysicalAddressExtension;
    system.efer = kEferLongModeEnable | kEferLongModeActive;
  }
  return system;
}

std::string FormatRegisters(const kvm_regs& general, const kvm_sregs& system) {
  const kvm_regs& g = general;
  std::string text = fmt::format(
      "rip {:016x} rflags {:08x}\n"
      "rax {:016x} rbx {:016x} rcx {:016x} rdx {:016x}\n"
      "rsi {:016x} rdi {:016x} rsp {:016x} rbp {:016x}\n"
      "r8  {:016x} r9  {:016x} r10 {:016x} r11 {:016x}\n"
      "r12 {:016x} r13 {:016x} r14 {:016x} r15 {:016x}\n",
      g.rip, g.rflags, g.rax, g.rbx, g.rcx, g.rdx, g.rsi, g.rdi, g.rsp, g.rbp, g.r8, g.r9, g.r10,
      g.r11, g.r12, g.r13, g.r14, g.r15);
  text +=
      fmt::format("cr0 {:08x} cr2 {:016x} cr3 {:016x} cr4 {:08x} efer {:08x} apic {:x}\n",
                  system.cr0, system.cr2, system.cr3, system.cr4, system.efer, system.apic_base);
  text += fmt::format("gdt {:016x} limit {:04x} idt {:016x} limit {:04x}\n", system.gdt.base,
                      system.gdt.limit, system.idt.base, system.idt.limit);
  text += FormatSegment("cs", system.cs) + "\n" + FormatSegment("ss", system.ss) + "\n" +
          FormatSegment("ds", system.ds) + "\n" + FormatSegment("tr", system.tr);
  return text;
}

}  // namespace vmm::kvm
