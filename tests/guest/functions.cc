// Functions of the guest's buses: which there are, single registers, and their reset.
#include <cstdint>

#include "sysfs/pci_registers.h"
#include "tests/guest/checksum.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"

namespace guest {
namespace {

namespace header = sysfs::registers::header;
namespace express = sysfs::registers::express;

bool ListFunctions() {
  FindFunction([](Function function) {
    PrintFunction(function);
    Print(" ");
    PrintHex(ReadConfig(function, 0, 2), 4);
    Print(":");
    PrintHex(ReadConfig(function, 2, 2), 4);
    Print(" class ");
    PrintHex(ReadConfig(function, 8, 4) >> 8, 6);
    Print(" BARs");
    for (unsigned bar = 0; bar < 6; ++bar) {
      Print(" ");
      PrintHex(ReadConfig(function, static_cast<uint16_t>(0x10 + 4 * bar), 4));
    }
    Print("\n");
    return false;
  });
  return true;
}

// As Linux does it: the reset, 100 ms, the BARs as they were. Whoever uses the function switches it
// on again.
template <class Reset>
bool ResetAndRestore(Function function, Reset reset) {
  uint32_t bars[header::kBarCount];
  for (unsigned i = 0; i < header::kBarCount; ++i) {
    bars[i] = ReadConfig(function, static_cast<uint16_t>(header::kBar0 + 4 * i), 4);
  }
  reset();
  WaitFor([] { return false; }, 100);
  if (ReadConfig(function, header::kVendor, 2) == 0xffff) return Fail("pci: does not answer");
  Print("pci: reset, command ");
  PrintHex(ReadConfig(function, header::kCommand, 2), 4);
  Print(" BAR 0 ");
  PrintHex(ReadConfig(function, header::kBar0, 4), 8);
  Print("\n");
  for (unsigned i = 0; i < header::kBarCount; ++i) {
    WriteConfig(function, static_cast<uint16_t>(header::kBar0 + 4 * i), 4, bars[i]);
  }
  return true;
}

bool ResetFunction(Function function) {
  const uint16_t capability = FindCapability(function, 0x10);
  const auto at = [capability](unsigned reg) { return static_cast<uint16_t>(capability + reg); };
  const uint32_t able =
      capability == 0 ? 0 : ReadConfig(function, at(express::kDeviceCapabilities), 4);
  if (express::FunctionLevelReset::Get(able) == 0) return Fail("pci flr: it has no such reset");
  return ResetAndRestore(function, [&] {
    const uint32_t control = ReadConfig(function, at(express::kDeviceControl), 2);
    WriteConfig(function, at(express::kDeviceControl), 2,
                control | static_cast<uint32_t>(express::InitiateReset::kMask));
  });
}

// By the port above it: secondary bus reset (PCI-to-PCI Bridge 1.2, 3.2.5.18).
bool ResetBus(Function function, Function port) {
  constexpr uint16_t kBridgeControl = 0x3e;
  constexpr uint32_t kReset = 1u << 6;
  return ResetAndRestore(function, [&] {
    const uint32_t control = ReadConfig(port, kBridgeControl, 2);
    WriteConfig(port, kBridgeControl, 2, control | kReset);
    WriteConfig(port, kBridgeControl, 2, control);
  });
}

// The size of the expansion ROM and the checksum of its first bytes; a write changes none.
bool ReadRom(Function function, uint64_t bytes) {
  namespace bar = sysfs::registers::bar;
  constexpr auto kEnable = static_cast<uint32_t>(bar::RomEnable::kMask);
  const uint32_t address = ReadConfig(function, header::kRom, 4) & bar::kRomAddress;
  WriteConfig(function, header::kRom, 4, bar::kRomAddress);
  const uint32_t size = 0 - (ReadConfig(function, header::kRom, 4) & bar::kRomAddress);
  WriteConfig(function, header::kRom, 4, address | kEnable);
  if (address == 0 || size == 0) return Fail("pci rom: none");
  if (bytes > size || !MapPhysical(address, size)) return Fail("pci rom: too many bytes");
  const uint32_t command = ReadConfig(function, header::kCommand, 2);
  WriteConfig(function, header::kCommand, 2, command | 2);
  Store<uint8_t>(address, static_cast<uint8_t>(~Load<uint8_t>(address)));
  uint32_t crc = ~0u;
  for (uint64_t i = 0; i < bytes; ++i) crc = AddToChecksum(crc, Load<uint8_t>(address + i));
  WriteConfig(function, header::kCommand, 2, command);
  WriteConfig(function, header::kRom, 4, address);
  Print("pci: ROM of ");
  PrintDecimal(size);
  Print(" bytes, crc32 ");
  PrintHex(~crc, 8);
  Print("\n");
  return true;
}

}  // namespace

bool RunPci(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (verb.empty()) return ListFunctions();
  const auto function = ParseFunction(TakeWord(line));
  if (verb == "flr" && function) return ResetFunction(*function);
  if (verb == "busreset" && function) {
    const auto port = ParseFunction(TakeWord(line));
    return port ? ResetBus(*function, *port) : Fail("pci busreset BUS:DEV.FN PORT");
  }
  const auto bytes = TakeNumber(line);
  if (verb == "rom" && function && bytes) return ReadRom(*function, *bytes);
  return Fail("pci [flr BUS:DEV.FN | busreset BUS:DEV.FN PORT | rom BUS:DEV.FN BYTES]");
}

bool RunConfig(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  const auto function = ParseFunction(TakeWord(line));
  const auto offset = TakeNumber(line);
  const auto width = TakeNumber(line);
  const auto value = TakeNumber(line);
  const bool is_write = verb == "write";
  if (!function || !offset || !width || *offset > 4095 || is_write != value.has_value())
    return Fail("config read|write BUS:DEV.FN OFFSET WIDTH [VALUE]");
  const auto at = static_cast<uint16_t>(*offset);
  const auto bytes = static_cast<unsigned>(*width);
  if (is_write) WriteConfig(*function, at, bytes, static_cast<uint32_t>(*value));
  PrintFunction(*function);
  Print(" ");
  PrintHex(at, 3);
  Print(": ");
  PrintHex(ReadConfig(*function, at, bytes), 2 * bytes);
  Print("\n");
  return true;
}

}  // namespace guest
