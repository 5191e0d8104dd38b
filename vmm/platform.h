// The fixed addresses of the machine's own registers, as its ACPI tables tell them and its devices
// answer.
#pragma once

#include <array>
#include <cstdint>

namespace vmm {

struct SerialPort {
  uint16_t base;
  uint32_t gsi;
};

// COM1 is the console; COM2 to COM4 carry the output, errors and status of `--exec`. Each has a
// line of its own.
inline constexpr std::array<SerialPort, 4> kSerialPorts = {
    {{0x3f8, 4}, {0x2f8, 3}, {0x3e8, 5}, {0x2e8, 7}}};

inline constexpr uint16_t kPciConfigPorts =
    0xcf8;  // address at +0, data at +4 (PCI 3.0, 3.2.2.3.2)
inline constexpr uint16_t kResetPort =
    0xcf9;  // a write with bit 2 set resets (ACPI RESET_REG, value 6)
inline constexpr uint8_t kResetValue = 0x06;
inline constexpr uint16_t kKeyboardCommandPort = 0x64;  // 0xfe pulses the reset line

// ACPI fixed hardware (ACPI 6.5, 4.8.3).
inline constexpr uint16_t kPm1EventPort = 0x600;  // status at +0, enable at +2
inline constexpr uint16_t kPm1ControlPort = 0x604;
inline constexpr uint16_t kPmTimerPort = 0x608;  // 24 bits... 3.579545 MHz
inline constexpr uint16_t kPmRegistersBase = 0x600;
inline constexpr uint16_t kPmRegistersSize = 0x10;
inline constexpr uint32_t kSciGsi = 9;
inline constexpr uint8_t kSleepTypeS5 = 5;

// The lines of the PCI bus are the upper pins of the I/O APIC, which nothing else has.
inline constexpr uint32_t kFirstIntxGsi = 16;
inline constexpr uint32_t kIntxGsiCount = 8;
// `device` is the number on bus 0, `pin` counts from 0 (INTA).
constexpr uint32_t IntxGsi(uint32_t device, uint32_t pin) {
  return kFirstIntxGsi + (device + pin) % kIntxGsiCount;
}

inline constexpr uint64_t kAcpiTablesBase =
    0xe0000;  // to 0xfffff: where Linux looks for the RSDP without being told
inline constexpr uint64_t kAcpiTablesSize = 0x20000;

}  // namespace vmm
