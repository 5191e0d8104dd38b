// Interrupts by the local APIC and the I/O APIC (Intel SDM volume 3, chapters 11; 82093AA data
// sheet).
#pragma once

#include <cstdint>

namespace guest {

// Vectors for devices are from here on.
inline constexpr uint8_t kFirstVector = 0x40;
inline constexpr uint64_t kMessageAddress = 0xfee00000;  // of MSI, to processor 0

// The tables, and interrupts on. Exceptions print where they happened and reset the machine.
void StartInterrupts();

// How often the vector has come.
uint64_t InterruptCount(uint8_t vector);
// Called in the interrupt, before its end is signalled: quiets the device. May be null.
void SetAcknowledge(uint8_t vector, void (*acknowledge)());

// A level-triggered line of the I/O APIC.
void RouteLine(uint32_t gsi, uint8_t vector);
void MaskLine(uint32_t gsi);

}  // namespace guest
