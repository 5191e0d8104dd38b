#include "tests/guest/interrupts.h"

#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "vmm/layout.h"

extern "C" const char interrupt_stubs[];

namespace guest {
namespace {

constexpr uint64_t kStubSize = 16;
constexpr unsigned kExceptions = 32;

struct Gate {
  uint16_t low;
  uint16_t selector;
  uint8_t stack;
  uint8_t type;
  uint16_t middle;
  uint32_t high;
  uint32_t reserved;
};
struct [[gnu::packed]] TablePointer {
  uint16_t limit;
  uint64_t base;
};

Gate table[256];
volatile uint64_t counts[256];
void (*acknowledges[256])();

constexpr uint64_t kEnd = vmm::kLocalApicBase + 0xb0;
constexpr uint64_t kSpurious = vmm::kLocalApicBase + 0xf0;
constexpr uint64_t kTimer = vmm::kLocalApicBase + 0x320;
constexpr uint64_t kTimerCount = vmm::kLocalApicBase + 0x380;
constexpr uint64_t kTimerDivide = vmm::kLocalApicBase + 0x3e0;
constexpr uint8_t kTimerVector = kFirstVector - 1;
constexpr uint32_t kDivideByOne = 0xb;
constexpr uint32_t kTimerTicksPerMicrosecond = 1000;  // KVM's, unless it is told otherwise

void WriteLine(unsigned index, uint32_t value) {
  Store<uint32_t>(vmm::kIoApicBase, index);
  Store<uint32_t>(vmm::kIoApicBase + 0x10, value);
}

}  // namespace

void StartInterrupts() {
  for (unsigned i = 0; i < 256; ++i) {
    const uint64_t stub = reinterpret_cast<uint64_t>(interrupt_stubs) + kStubSize * i;
    table[i] = {static_cast<uint16_t>(stub),       0x08, 0, 0x8e, static_cast<uint16_t>(stub >> 16),
                static_cast<uint32_t>(stub >> 32), 0};
  }
  const TablePointer pointer = {sizeof table - 1, reinterpret_cast<uint64_t>(table)};
  asm volatile("lidt %0" ::"m"(pointer));
  // The old controllers stay silent.
  Out8(0x21, 0xff);
  Out8(0xa1, 0xff);
  Store<uint32_t>(kSpurious, 0x1ff);
  Store<uint32_t>(kTimerDivide, kDivideByOne);
  Store<uint32_t>(kTimer, kTimerVector);
  InterruptsOn();
}

void Halt(uint32_t microseconds) {
  Store<uint32_t>(kTimerCount, microseconds * kTimerTicksPerMicrosecond);
  // Interrupts are on from the instruction after sti: none is lost in between.
  asm volatile("sti; hlt" ::: "memory");
}

uint64_t InterruptCount(uint8_t vector) { return counts[vector]; }
void SetAcknowledge(uint8_t vector, void (*acknowledge)()) { acknowledges[vector] = acknowledge; }

void RouteLine(uint32_t gsi, uint8_t vector) {
  constexpr uint32_t kLevel = 1u << 15;
  constexpr uint32_t kActiveLow = 1u << 13;
  WriteLine(0x11 + 2 * gsi, 0);
  WriteLine(0x10 + 2 * gsi, vector | kLevel | kActiveLow);
}

void MaskLine(uint32_t gsi) { WriteLine(0x10 + 2 * gsi, 1u << 16); }

}  // namespace guest

extern "C" void OnInterrupt(uint64_t vector, uint64_t code, uint64_t rip) {
  if (vector < guest::kExceptions) {
    guest::Print("failed: exception ");
    guest::PrintDecimal(vector);
    guest::Print(", code ");
    guest::PrintHex(code);
    guest::Print(", at ");
    guest::PrintHex(rip);
    guest::Print("\n");
    guest::Reset();
  }
  guest::counts[vector] = guest::counts[vector] + 1;
  if (guest::acknowledges[vector] != nullptr) guest::acknowledges[vector]();
  guest::Store<uint32_t>(guest::kEnd, 0);
}
