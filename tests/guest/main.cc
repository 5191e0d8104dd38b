#include <cstdint>
#include <string_view>

#include "sysfs/pci_registers.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"

namespace guest {
namespace {

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

bool Echo(std::string_view line) {
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  Print(line);
  Print("\n");
  return true;
}

bool Help(std::string_view) {
  Print(
      "pci | config read|write BUS:DEV.FN OFFSET WIDTH [VALUE] | nvme start MODE "
      "[BUS:DEV.FN]|read|write|loop|count\n"
      "edu factorial|interrupts|dma|outside | fuzz config|bars|ports BUS:DEV.FN SEED COUNT\n"
      "echo TEXT | reset | crash | poweroff\n");
  return true;
}

bool Run(std::string_view command) {
  const std::string_view verb = TakeWord(command);
  if (verb.empty()) return true;
  if (verb == "pci") return ListFunctions();
  if (verb == "config") return RunConfig(command);
  if (verb == "nvme") return RunNvme(command);
  if (verb == "edu") return RunEdu(command);
  if (verb == "fuzz") return RunFuzz(command);
  if (verb == "echo") return Echo(command);
  if (verb == "help") return Help(command);
  if (verb == "poweroff") PowerOff();
  if (verb == "reset") Reset();
  if (verb == "crash") TripleFault();
  return Fail("no such command; help lists them");
}

void RunLine(std::string_view line) {
  while (!line.empty()) {
    size_t size = 0;
    while (size < line.size() && line[size] != ';') ++size;
    if (!Run(std::string_view(line.data(), size))) return;
    line.remove_prefix(size < line.size() ? size + 1 : size);
  }
}

// What follows "--".
std::string_view Commands(std::string_view line) {
  for (;;) {
    const std::string_view word = TakeWord(line);
    if (word.empty() || word == "--") return line;
  }
}

}  // namespace

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

extern "C" void Main(uint64_t start_info) {
  const auto command_line = guest::Load<uint64_t>(start_info + 24);
  const auto rsdp = guest::Load<uint64_t>(start_info + 32);
  guest::StartInterrupts();
  if (!guest::StartPci(rsdp)) guest::Fail("no configuration memory");
  guest::Print("tiny guest\n");
  guest::RunLine(guest::Commands(reinterpret_cast<const char*>(command_line)));
  for (;;) guest::RunLine(guest::ReadLine());
}
