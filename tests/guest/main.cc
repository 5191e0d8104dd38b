#include <cstdint>
#include <string_view>

#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"

namespace guest {
namespace {

bool Echo(std::string_view line) {
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  Print(line);
  Print("\n");
  return true;
}

bool Help(std::string_view) {
  Print(
      "pci [flr BUS:DEV.FN | busreset BUS:DEV.FN PORT | rom BUS:DEV.FN BYTES]\n"
      "config read|write BUS:DEV.FN OFFSET WIDTH [VALUE] | nvme start MODE "
      "[BUS:DEV.FN]|read|write|loop|count\n"
      "edu factorial|interrupts|dma|push|pull | xhci start MODE VECTORS|transfer\n"
      "fuzz config|bars|ports BUS:DEV.FN SEED COUNT | chaos BUS:DEV.FN SEED COUNT\n"
      "virtio-hostile SEED COUNT [BUS:DEV.FN...]\n"
      "blk start MODE "
      "[noflush]|read|write|refused|zero|discard|flush|unflushed|sectors|wce|break|id|count|\n"
      "reset | rng BYTES\n"
      "balloon start [untold]|stats VALUE|asked|await "
      "PAGES|reset|master|fill|zero|holds|inflate|deflate "
      "MIB COUNT\n"
      "net start MODE|echo COUNT|send COUNT SIZE|count|reset\n"
      "echo TEXT | reset | crash | poweroff\n");
  return true;
}

bool Run(std::string_view command) {
  const std::string_view verb = TakeWord(command);
  if (verb.empty()) return true;
  if (verb == "pci") return RunPci(command);
  if (verb == "config") return RunConfig(command);
  if (verb == "nvme") return RunNvme(command);
  if (verb == "edu") return RunEdu(command);
  if (verb == "balloon") return RunBalloon(command);
  if (verb == "blk") return RunBlk(command);
  if (verb == "net") return RunNet(command);
  if (verb == "rng") return RunRng(command);
  if (verb == "fuzz") return RunFuzz(command);
  if (verb == "chaos") return RunChaos(command);
  if (verb == "virtio-hostile") return RunVirtioHostile(command);
  if (verb == "xhci") return RunXhci(command);
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

// Its memory is not ours: what a command does may write there.
char commands[4096];

std::string_view Keep(std::string_view line) {
  const size_t size = line.size() < sizeof commands ? line.size() : sizeof commands;
  for (size_t i = 0; i < size; ++i) commands[i] = line[i];
  return {commands, size};
}

// What follows "--".
std::string_view Commands(std::string_view line) {
  for (;;) {
    const std::string_view word = TakeWord(line);
    if (word.empty() || word == "--") return line;
  }
}

}  // namespace
}  // namespace guest

extern "C" void Main(uint64_t start_info) {
  const auto command_line = guest::Load<uint64_t>(start_info + 24);
  const auto rsdp = guest::Load<uint64_t>(start_info + 32);
  guest::StartInterrupts();
  if (!guest::StartPci(rsdp)) guest::Fail("no configuration memory");
  guest::Print("tiny guest\n");
  guest::RunLine(guest::Keep(guest::Commands(reinterpret_cast<const char*>(command_line))));
  for (;;) guest::RunLine(guest::ReadLine());
}
