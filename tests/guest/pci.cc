#include "tests/guest/pci.h"

#include "sysfs/pci_registers.h"
#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"
#include "vmm/platform.h"

namespace guest {
namespace {

namespace header = sysfs::registers::header;

uint64_t ecam = 0;
uint16_t last_bus = 0;

uint64_t AddressOf(Function function, uint16_t offset) {
  return ecam + (uint64_t{function.bus} << 20 | uint64_t{function.device} << 15 |
                 uint64_t{function.function} << 12 | offset);
}

// The address in the first allocation of MCFG; 0 when there is none.
void ReadMcfg(uint64_t table) {
  ecam = Load<uint64_t>(table + 44);
  last_bus = Load<uint8_t>(table + 55);
}

void SetBits(Function function, uint16_t offset, uint16_t clear, uint16_t set) {
  const uint32_t value = ReadConfig(function, offset, 2);
  WriteConfig(function, offset, 2, (value & ~uint32_t{clear}) | set);
}

constexpr uint16_t kMsixEnable = 1u << 15;
constexpr uint16_t kMsixMaskAll = 1u << 14;

uint64_t MsixTable(Function function, uint16_t capability) {
  const uint32_t place = ReadConfig(function, static_cast<uint16_t>(capability + 4), 4);
  const uint64_t bar = BarAddress(function, place & 7);
  return bar == 0 ? 0 : bar + (place & ~7u);
}

bool SetMsix(Function function, unsigned vectors) {
  const uint16_t capability = FindCapability(function, 0x11);
  const uint64_t table = capability == 0 ? 0 : MsixTable(function, capability);
  if (table == 0 || !MapPhysical(table, uint64_t{vectors} * 16)) return false;
  const auto control = static_cast<uint16_t>(capability + 2);
  if ((ReadConfig(function, control, 2) & 0x7ff) + 1 < vectors) return false;
  SetBits(function, control, 0, kMsixEnable | kMsixMaskAll);
  for (unsigned i = 0; i < vectors; ++i) {
    Store<uint32_t>(table + 16 * i, static_cast<uint32_t>(kMessageAddress));
    Store<uint32_t>(table + 16 * i + 4, 0);
    Store<uint32_t>(table + 16 * i + 8, kFirstVector + i);
    Store<uint32_t>(table + 16 * i + 12, 0);
  }
  SetBits(function, control, kMsixMaskAll, 0);
  return true;
}

bool SetMsi(Function function, unsigned vectors) {
  const uint16_t capability = FindCapability(function, 0x05);
  if (capability == 0) return false;
  const auto at = [capability](unsigned reg) { return static_cast<uint16_t>(capability + reg); };
  const uint32_t control = ReadConfig(function, at(2), 2);
  unsigned log = 0;
  while (1u << log < vectors) ++log;
  if ((control >> 1 & 7) < log) return false;
  const bool wide = (control & 0x80) != 0;
  WriteConfig(function, at(4), 4, static_cast<uint32_t>(kMessageAddress));
  if (wide) WriteConfig(function, at(8), 4, 0);
  WriteConfig(function, at(wide ? 12 : 8), 2, kFirstVector);
  WriteConfig(function, at(2), 2, (control & ~0x70u) | log << 4 | 1);
  return true;
}

void AllOff(Function function) {
  const uint16_t msi = FindCapability(function, 0x05);
  if (msi != 0) SetBits(function, static_cast<uint16_t>(msi + 2), 1, 0);
  const uint16_t msix = FindCapability(function, 0x11);
  if (msix != 0) SetBits(function, static_cast<uint16_t>(msix + 2), kMsixEnable, 0);
  SetBits(function, header::kCommand, 0, 1u << 10);
}

}  // namespace

bool StartPci(uint64_t rsdp) {
  const auto xsdt = Load<uint64_t>(rsdp + 24);
  const auto size = Load<uint32_t>(xsdt + 4);
  for (uint64_t at = xsdt + 36; at + 8 <= xsdt + size; at += 8) {
    const uint32_t low = Load<uint32_t>(at);  // entries are not aligned to 8
    const uint64_t table = low | uint64_t{Load<uint32_t>(at + 4)} << 32;
    if (Load<uint32_t>(table) == 0x4746434d) ReadMcfg(table);  // "MCFG"
  }
  return ecam != 0;
}

uint16_t LastBus() { return last_bus; }

uint32_t ReadConfig(Function function, uint16_t offset, unsigned width) {
  const uint64_t address = AddressOf(function, offset);
  if (width == 1) return Load<uint8_t>(address);
  if (width == 2) return Load<uint16_t>(address);
  return Load<uint32_t>(address);
}

void WriteConfig(Function function, uint16_t offset, unsigned width, uint32_t value) {
  const uint64_t address = AddressOf(function, offset);
  if (width == 1) return Store(address, static_cast<uint8_t>(value));
  if (width == 2) return Store(address, static_cast<uint16_t>(value));
  Store(address, value);
}

std::optional<Function> FindDevice(uint16_t vendor, uint16_t device) {
  const uint32_t ids = vendor | uint32_t{device} << 16;
  return FindFunction([&](Function one) { return ReadConfig(one, header::kVendor, 4) == ids; });
}

std::optional<Function> FindClass(uint32_t class_code) {
  return FindFunction([&](Function one) { return ReadConfig(one, 8, 4) >> 8 == class_code; });
}

std::optional<Function> ParseFunction(std::string_view word) {
  if (word.size() != 7 || word[2] != ':' || word[5] != '.') return std::nullopt;
  const auto digit = [&](unsigned i) {
    const char c = word[i];
    return static_cast<uint8_t>(c >= 'a' ? c - 'a' + 10 : c - '0');
  };
  return Function{static_cast<uint8_t>(digit(0) << 4 | digit(1)),
                  static_cast<uint8_t>((digit(3) << 4 | digit(4)) & 31),
                  static_cast<uint8_t>(digit(6) & 7)};
}

void PrintFunction(Function function) {
  PrintHex(function.bus, 2);
  Print(":");
  PrintHex(function.device, 2);
  Print(".");
  PrintHex(function.function);
}

uint16_t FindCapability(Function function, uint8_t id) {
  if ((ReadConfig(function, header::kStatus, 2) & 0x10) == 0) return 0;
  auto at = static_cast<uint16_t>(ReadConfig(function, header::kCapabilities, 1) & ~3u);
  for (unsigned steps = 0; at >= 0x40 && steps < 48; ++steps) {
    if (ReadConfig(function, at, 1) == id) return at;
    at = static_cast<uint16_t>(ReadConfig(function, static_cast<uint16_t>(at + 1), 1) & ~3u);
  }
  return 0;
}

uint64_t BarAddress(Function function, unsigned index) {
  if (index > 5) return 0;
  const auto offset = static_cast<uint16_t>(header::kBar0 + 4 * index);
  const uint32_t low = ReadConfig(function, offset, 4);
  if ((low & 1) != 0) return 0;
  const bool wide = (low & 6) == 4 && index < 5;
  const uint64_t high = wide ? ReadConfig(function, static_cast<uint16_t>(offset + 4), 4) : 0;
  return high << 32 | (low & ~0xfu);
}

bool Enable(Function function, unsigned bar) {
  constexpr uint16_t kMemoryAndMaster = 6;
  const uint64_t address = BarAddress(function, bar);
  if (address == 0 || !MapPhysical(address, 1 << 20)) return false;
  SetBits(function, header::kCommand, 0, kMemoryAndMaster);
  return true;
}

std::optional<InterruptMode> ParseMode(std::string_view word) {
  if (word == "poll") return InterruptMode::kPoll;
  if (word == "pin") return InterruptMode::kPin;
  if (word == "msi") return InterruptMode::kMsi;
  if (word == "msix") return InterruptMode::kMsix;
  return std::nullopt;
}

// Each bridge turns the pins by the number of the device below it (PCI-to-PCI Bridge 1.2, 9.1).
uint32_t LineOf(Function function) {
  uint32_t pin = ReadConfig(function, 0x3d, 1) - 1;
  const auto above = FindFunction([&](Function one) {
    return (ReadConfig(one, header::kType, 1) & 0x7f) == 1 &&
           ReadConfig(one, sysfs::registers::bridge::kSecondaryBus, 1) == function.bus;
  });
  if (above) {
    pin = (pin + function.device) % 4;
    function = *above;
  }
  return vmm::kFirstIntxGsi + (function.device + pin) % vmm::kIntxGsiCount;
}

bool SetInterrupts(Function function, InterruptMode mode, unsigned vectors) {
  AllOff(function);
  switch (mode) {
    case InterruptMode::kPoll:
      return true;
    case InterruptMode::kMsi:
      return SetMsi(function, vectors);
    case InterruptMode::kMsix:
      return SetMsix(function, vectors);
    case InterruptMode::kPin:
      if (ReadConfig(function, 0x3d, 1) == 0) return false;
      RouteLine(LineOf(function), kFirstVector);
      SetBits(function, header::kCommand, 1u << 10, 0);
      return true;
  }
  return false;
}

void MaskMsixEntry(Function function, unsigned entry, bool masked) {
  const uint64_t table = MsixTable(function, FindCapability(function, 0x11));
  Store<uint32_t>(table + 16 * entry + 12, masked ? 1 : 0);
}

}  // namespace guest
