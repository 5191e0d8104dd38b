// QEMU's teaching device (docs/specs/edu.rst of QEMU): factorials, interrupts, DMA by an engine
// with a 4 KiB buffer of its own.
#include <cstdint>

#include "tests/guest/checksum.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"

namespace guest {
namespace {

constexpr uint32_t kPatience = 20000;  // ms
constexpr uint64_t kEngineBuffer = 0x40000;
constexpr uint32_t kSize = 4096;

namespace reg {
constexpr uint64_t kLiveness = 0x04;
constexpr uint64_t kFactorial = 0x08;
constexpr uint64_t kStatus = 0x20;
constexpr uint64_t kInterruptStatus = 0x24;
constexpr uint64_t kRaise = 0x60;
constexpr uint64_t kAcknowledge = 0x64;
constexpr uint64_t kSource = 0x80;
constexpr uint64_t kTarget = 0x88;
constexpr uint64_t kCount = 0x90;
constexpr uint64_t kCommand = 0x98;
}  // namespace reg

uint64_t registers = 0;
std::optional<Function> device;
alignas(4096) volatile uint8_t memory[kSize];
// Around it, and never given to the engine.
constexpr uint32_t kCanaries = 256 * kSize;
alignas(4096) volatile uint8_t canaries[kCanaries];

bool Find() {
  device = FindDevice(0x1234, 0x11e8);
  if (!device) return Fail("edu: no device");
  if (!Enable(*device, 0)) return Fail("edu: BAR 0 has no address");
  registers = BarAddress(*device, 0);
  Store<uint32_t>(registers + reg::kLiveness, 0x12345678);
  return Load<uint32_t>(registers + reg::kLiveness) == ~0x12345678u || Fail("edu: is not alive");
}

void Acknowledge() {
  Store<uint32_t>(registers + reg::kAcknowledge, Load<uint32_t>(registers + reg::kInterruptStatus));
}

bool Factorial(std::string_view line) {
  const auto number = TakeNumber(line);
  if (!number) return Fail("edu factorial N");
  Store<uint32_t>(registers + reg::kFactorial, static_cast<uint32_t>(*number));
  if (!WaitFor([] { return (Load<uint32_t>(registers + reg::kStatus) & 1) == 0; }, kPatience))
    return Fail("edu: computes for ever");
  Print("edu: factorial ");
  PrintDecimal(Load<uint32_t>(registers + reg::kFactorial));
  Print("\n");
  return true;
}

// So many interrupts, each waited for.
bool Interrupts(std::string_view line) {
  const auto mode = ParseMode(TakeWord(line));
  const auto count = TakeNumber(line);
  if (!mode || *mode == InterruptMode::kPoll || !count) return Fail("edu interrupts pin|msi COUNT");
  if (!SetInterrupts(*device, *mode, 1)) return Fail("edu: no such interrupt");
  SetAcknowledge(kFirstVector, Acknowledge);
  for (uint64_t i = 0; i < *count; ++i) {
    const uint64_t before = InterruptCount(kFirstVector);
    Store<uint32_t>(registers + reg::kRaise, 1);
    if (!WaitFor([&] { return InterruptCount(kFirstVector) != before; }, kPatience))
      return Fail("edu: no interrupt");
    if (InterruptCount(kFirstVector) != before + 1) return Fail("edu: too many interrupts");
  }
  Print("edu: interrupts ");
  PrintDecimal(*count);
  Print("\n");
  return true;
}

bool Move(uint64_t source, uint64_t target, uint32_t command) {
  Store<uint64_t>(registers + reg::kSource, source);
  Store<uint64_t>(registers + reg::kTarget, target);
  Store<uint64_t>(registers + reg::kCount, kSize);
  Store<uint64_t>(registers + reg::kCommand, command | 1);
  return WaitFor([] { return (Load<uint64_t>(registers + reg::kCommand) & 1) == 0; }, kPatience) ||
         Fail("edu: DMA does not end");
}
constexpr uint32_t kToMemory = 2;

// There and back: what comes back is what was sent.
bool Dma(std::string_view) {
  const auto address = reinterpret_cast<uint64_t>(memory);
  for (unsigned i = 0; i < kSize; ++i) memory[i] = static_cast<uint8_t>(i * 7 + 3);
  if (!Move(address, kEngineBuffer, 0)) return false;
  for (unsigned i = 0; i < kSize; ++i) memory[i] = 0;
  Fence();
  if (!Move(kEngineBuffer, address, kToMemory)) return false;
  for (unsigned i = 0; i < kSize; ++i) {
    if (memory[i] != static_cast<uint8_t>(i * 7 + 3)) return Fail("edu: other bytes came back");
  }
  Print("edu: DMA works\n");
  return true;
}

uint8_t CanaryAt(uint32_t i) { return static_cast<uint8_t>(0xa5 ^ i ^ i >> 8); }

void SetCanaries() {
  for (uint32_t i = 0; i < kCanaries; ++i) canaries[i] = CanaryAt(i);
  Fence();
}

bool CanariesLive() {
  Fence();
  for (uint32_t i = 0; i < kCanaries; ++i) {
    if (canaries[i] != CanaryAt(i)) return Fail("edu: our memory has changed");
  }
  return true;
}

// To an address that is not the guest's memory: what of ours has changed by it.
bool Push(std::string_view line) {
  const auto address = TakeNumber(line);
  if (!address) return Fail("edu push ADDRESS");
  for (unsigned i = 0; i < kSize; ++i) memory[i] = 0xa5;
  SetCanaries();
  const auto ours = reinterpret_cast<uint64_t>(memory);
  if (!Move(ours, kEngineBuffer, 0) || !Move(kEngineBuffer, *address, kToMemory)) return false;
  for (unsigned i = 0; i < kSize; ++i) {
    if (memory[i] != 0xa5) return Fail("edu: our memory has changed");
  }
  if (!CanariesLive()) return false;
  Print("edu: pushed, nothing of ours has changed\n");
  return true;
}

// From there: the checksum of what the engine has got.
bool Pull(std::string_view line) {
  const auto address = TakeNumber(line);
  if (!address) return Fail("edu pull ADDRESS");
  SetCanaries();
  const auto ours = reinterpret_cast<uint64_t>(memory);
  if (!Move(*address, kEngineBuffer, 0) || !Move(kEngineBuffer, ours, kToMemory)) return false;
  if (!CanariesLive()) return false;
  uint32_t crc = ~0u;
  for (unsigned i = 0; i < kSize; ++i) crc = AddToChecksum(crc, memory[i]);
  Print("edu: pulled, crc32 ");
  PrintHex(~crc, 8);
  Print("\n");
  return true;
}

}  // namespace

bool RunEdu(std::string_view line) {
  const std::string_view verb = TakeWord(line);
  if (!Find()) return false;
  if (verb == "factorial") return Factorial(line);
  if (verb == "interrupts") return Interrupts(line);
  if (verb == "dma") return Dma(line);
  if (verb == "push") return Push(line);
  if (verb == "pull") return Pull(line);
  return Fail("edu factorial|interrupts|dma|push|pull");
}

}  // namespace guest
