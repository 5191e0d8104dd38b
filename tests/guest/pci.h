// PCI configuration space by ECAM, capabilities, BARs and interrupts of functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace guest {

struct Function {
  uint8_t bus = 0;
  uint8_t device = 0;
  uint8_t function = 0;
  bool operator==(const Function&) const = default;
};

// Finds the configuration memory in the ACPI tables (MCFG; PCI Firmware 3.3, 4.1.2).
bool StartPci(uint64_t rsdp);

// 1, 2 or 4 bytes; absent functions read as all ones.
uint32_t ReadConfig(Function function, uint16_t offset, unsigned width);
void WriteConfig(Function function, uint16_t offset, unsigned width, uint32_t value);

// Calls `use` for each function of all buses until it returns true, which is then the result.
template <class Use>
std::optional<Function> FindFunction(const Use& use);
std::optional<Function> FindDevice(uint16_t vendor, uint16_t device);
std::optional<Function> FindClass(uint32_t class_code);  // 0x010802
std::optional<Function> ParseFunction(std::string_view word);
void PrintFunction(Function function);

// 0 when there is none.
uint16_t FindCapability(Function function, uint8_t id);
// The address in a BAR; 0 for an I/O BAR or one without address.
uint64_t BarAddress(Function function, unsigned index);
// Memory decoding and bus mastering on; false when the BAR has no address.
bool Enable(Function function, unsigned bar);

enum class InterruptMode : uint8_t { kPoll, kPin, kMsi, kMsix };
std::optional<InterruptMode> ParseMode(std::string_view word);
// All others off; `vectors` from kFirstVector on. False when the function does not have it.
bool SetInterrupts(Function function, InterruptMode mode, unsigned vectors);
// The line of the function's pin.
uint32_t LineOf(Function function);
void MaskMsixEntry(Function function, unsigned entry, bool masked);

uint16_t LastBus();

template <class Use>
std::optional<Function> FindFunction(const Use& use) {
  for (uint16_t bus = 0; bus <= LastBus(); ++bus) {
    for (uint8_t device = 0; device < 32; ++device) {
      for (uint8_t number = 0; number < 8; ++number) {
        const Function function = {static_cast<uint8_t>(bus), device, number};
        if (ReadConfig(function, 0, 2) == 0xffff) {
          if (number == 0) break;
          continue;
        }
        if (use(function)) return function;
        if (number == 0 && (ReadConfig(function, 0xe, 1) & 0x80) == 0) break;
      }
    }
  }
  return std::nullopt;
}

}  // namespace guest
