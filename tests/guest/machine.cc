#include "tests/guest/machine.h"

#include "vmm/platform.h"

extern "C" uint64_t pml4[512];
extern "C" uint64_t pdpt[512];

namespace guest {
namespace {

constexpr uint64_t kLargePage = uint64_t{2} << 20;
constexpr uint64_t kPresent = 3;  // and writable
constexpr uint64_t kLarge = 0x80;

alignas(4096) uint64_t spare[32][512];
size_t used = 0;

// The table behind an entry, made when there is none.
uint64_t* Next(uint64_t& entry) {
  if (entry == 0) {
    if (used == sizeof(spare) / sizeof(spare[0])) return nullptr;
    entry = reinterpret_cast<uint64_t>(spare[used++]) | kPresent;
  }
  return reinterpret_cast<uint64_t*>(entry & ~uint64_t{0xfff});
}

}  // namespace

bool MapPhysical(uint64_t base, uint64_t size) {
  constexpr uint64_t kMapped = uint64_t{4} << 30;
  for (uint64_t at = base & ~(kLargePage - 1); at < base + size; at += kLargePage) {
    if (at < kMapped) continue;
    uint64_t* const upper = Next(pml4[at >> 39 & 511]);
    uint64_t* const lower = upper == nullptr ? nullptr : Next(upper[at >> 30 & 511]);
    if (lower == nullptr) return false;
    lower[at >> 21 & 511] = at | kPresent | kLarge;
  }
  return true;
}

uint32_t TimerTicks() { return In32(vmm::kPmTimerPort) & 0xffffff; }

void PowerOff() {
  Out16(vmm::kPm1ControlPort, static_cast<uint16_t>(vmm::kSleepTypeS5 << 10 | 1 << 13));
  for (;;) asm volatile("cli; hlt");
}

void Reset() {
  Out8(vmm::kResetPort, vmm::kResetValue);
  for (;;) asm volatile("cli; hlt");
}

void TripleFault() {
  const struct [[gnu::packed]] {
    uint16_t limit = 0;
    uint64_t base = 0;
  } none;
  asm volatile("lidt %0; ud2" ::"m"(none));
  for (;;) {
  }
}

}  // namespace guest

// What the compiler calls by itself.
extern "C" {
void* memcpy(void* to, const void* from, size_t size) {
  void* const start = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return start;
}
void* memset(void* to, int value, size_t size) {
  void* const start = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return start;
}
size_t strlen(const char* text) {
  size_t size = 0;
  while (text[size] != 0) ++size;
  return size;
}
int memcmp(const void* left, const void* right, size_t size) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (; size > 0; --size, ++a, ++b) {
    if (*a != *b) return *a < *b ? -1 : 1;
  }
  return 0;
}
}
