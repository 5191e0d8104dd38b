// The processor and the platform: ports, memory-mapped registers, time, power, page tables.
//
// Sources: Intel SDM volume 3; ACPI 6.5, 4.8.3 (fixed hardware at the ports of vmm/platform.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace guest {

inline void Out8(uint16_t port, uint8_t value) {
  asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
inline void Out16(uint16_t port, uint16_t value) {
  asm volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
inline void Out32(uint16_t port, uint32_t value) {
  asm volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
inline uint8_t In8(uint16_t port) {
  uint8_t value = 0;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline uint16_t In16(uint16_t port) {
  uint16_t value = 0;
  asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
inline uint32_t In32(uint16_t port) {
  uint32_t value = 0;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

// Registers of a device at a physical address.
template <class T>
T Load(uint64_t address) {
  return *reinterpret_cast<volatile T*>(address);
}
template <class T>
void Store(uint64_t address, T value) {
  *reinterpret_cast<volatile T*>(address) = value;
}

// What a device does to memory is seen, and what we did is seen by it.
inline void Fence() { asm volatile("mfence" ::: "memory"); }
inline void Pause() { asm volatile("pause" ::: "memory"); }

// Makes a physical range beyond 4 GiB accessible, one to one; false when the page tables are used
// up.
bool MapPhysical(uint64_t base, uint64_t size);

[[noreturn]] void PowerOff();
[[noreturn]] void Reset();
[[noreturn]] void TripleFault();

uint32_t TimerTicks();  // 3.579545 MHz, 24 bits
inline constexpr uint32_t kTicksPerMillisecond = 3580;

inline void InterruptsOff() { asm volatile("cli" ::: "memory"); }
inline void InterruptsOn() { asm volatile("sti" ::: "memory"); }

// Called with interrupts off, comes back with them on: halts until one comes, at most so long
// (the local APIC's timer). Waiting for the host takes none of its time.
void Halt(uint32_t microseconds);

// Waits for `done` to return true, at most `milliseconds` by the power management timer.
template <class Done>
bool WaitFor(const Done& done, uint32_t milliseconds) {
  constexpr unsigned kLooks = 256;  // a look at the timer leaves the guest
  constexpr unsigned kBusyRounds = 4;
  constexpr uint32_t kLongestHalt = 4000;
  uint64_t left = uint64_t{milliseconds} * kTicksPerMillisecond;
  uint32_t halt = 250;
  unsigned round = 0;
  for (uint32_t last = TimerTicks();;) {
    for (unsigned look = 0; look < kLooks; ++look) {
      if (done()) return true;
      Pause();
    }
    if (++round > kBusyRounds) {
      InterruptsOff();
      if (done()) {
        InterruptsOn();
        return true;
      }
      Halt(halt);
      halt = 2 * halt < kLongestHalt ? 2 * halt : kLongestHalt;
    }
    const uint32_t now = TimerTicks();
    const uint32_t passed = (now - last) & 0xffffff;
    last = now;
    if (passed >= left) return done();
    left -= passed;
  }
}

}  // namespace guest
