// Accesses of every width at random places to all that a function has at once: configuration space,
// memory and ports; without bus mastering. Repeatable: the seed alone decides.
#include <cstdint>

#include "sysfs/pci_registers.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"
#include "tests/guest/random.h"

namespace guest {
namespace {

namespace header = sysfs::registers::header;

constexpr uint16_t kDecode = 3;
constexpr uint16_t kMaster = 4;
constexpr uint64_t kLargest = 1 << 20;  // of a window that is used

struct Window {
  uint64_t base;
  uint64_t size;
  bool ports;
};

struct Target {
  Function function;
  uint32_t bars[header::kBarCount];
  Window windows[header::kBarCount];
  unsigned count;
};

struct Done {
  uint64_t config_reads;
  uint64_t config_writes;
  uint64_t reads;
  uint64_t writes;
};

constexpr uint16_t BarOffset(unsigned index) {
  return static_cast<uint16_t>(header::kBar0 + 4 * index);
}

// The lowest bit that the register keeps, of those that are an address; 0 for no BAR.
uint64_t SizeOf(Function function, unsigned index, uint32_t kept) {
  WriteConfig(function, BarOffset(index), 4, ~0u);
  const uint32_t ones = ReadConfig(function, BarOffset(index), 4);
  WriteConfig(function, BarOffset(index), 4, kept);
  const uint32_t address = (ones & 1) != 0 ? ones & 0xfffc : ones & ~0xfu;
  return address & (0 - address);
}

bool Look(Target& target) {
  target.count = 0;
  WriteConfig(target.function, header::kCommand, 2, 0);
  for (unsigned i = 0; i < header::kBarCount; ++i)
    target.bars[i] = ReadConfig(target.function, BarOffset(i), 4);
  for (unsigned i = 0; i < header::kBarCount; ++i) {
    const uint32_t low = target.bars[i];
    const bool ports = (low & 1) != 0;
    const uint64_t base = ports ? low & 0xfffc : BarAddress(target.function, i);
    uint64_t size = base == 0 ? 0 : SizeOf(target.function, i, low);
    if (size > kLargest) size = kLargest;
    if (size != 0 && (ports || MapPhysical(base, size)))
      target.windows[target.count++] = {base, size, ports};
    if (!ports && (low & 6) == 4) ++i;
  }
  return target.count != 0;
}

// Its BARs where they were, and accesses decoded.
void Settle(const Target& target) {
  for (unsigned i = 0; i < header::kBarCount; ++i)
    WriteConfig(target.function, BarOffset(i), 4, target.bars[i]);
  WriteConfig(target.function, header::kCommand, 2, kDecode);
}

void Memory(uint64_t address, unsigned width, bool write, uint64_t value) {
  if (width == 1)
    return write ? Store(address, static_cast<uint8_t>(value)) : void(Load<uint8_t>(address));
  if (width == 2)
    return write ? Store(address, static_cast<uint16_t>(value)) : void(Load<uint16_t>(address));
  if (width == 4)
    return write ? Store(address, static_cast<uint32_t>(value)) : void(Load<uint32_t>(address));
  return write ? Store(address, value) : void(Load<uint64_t>(address));
}

void Port(uint16_t port, unsigned width, bool write, uint32_t value) {
  if (width == 1) return write ? Out8(port, static_cast<uint8_t>(value)) : void(In8(port));
  if (width == 2) return write ? Out16(port, static_cast<uint16_t>(value)) : void(In16(port));
  return write ? Out32(port, value) : void(In32(port));
}

// Mostly where something is.
uint32_t PickOffset(Random& random, uint32_t size) {
  uint32_t limit = size;
  while (limit > 64 && random.Below(3) != 0) limit /= 4;
  return random.Below(limit);
}

// What leaves bus mastering off: the memory is that of this program, too.
uint32_t Harmless(uint16_t offset, unsigned width, uint32_t value) {
  const bool command = offset <= header::kCommand && header::kCommand < offset + width;
  return command ? value & ~(uint32_t{kMaster} << 8 * (header::kCommand - offset)) : value;
}

void AccessConfig(const Target& target, Random& random, Done& done) {
  const unsigned width = 1u << random.Below(3);
  const auto offset = static_cast<uint16_t>(PickOffset(random, 4096 - width));
  if (random.Below(2) == 0) {
    ReadConfig(target.function, offset, width);
    ++done.config_reads;
    return;
  }
  const uint32_t value = random.Next() >> random.Below(32);
  WriteConfig(target.function, offset, width, Harmless(offset, width, value));
  ++done.config_writes;
}

void AccessWindow(const Target& target, Random& random, Done& done) {
  const Window& window = target.windows[random.Below(target.count)];
  const unsigned width = 1u << random.Below(window.ports ? 3 : 4);
  if (window.size < width) return;
  uint32_t offset = PickOffset(random, static_cast<uint32_t>(window.size - width + 1));
  if (window.ports || random.Below(4) != 0) offset &= ~(width - 1);
  const bool write = random.Below(2) == 0;
  const uint64_t value = (uint64_t{random.Next()} << 32 | random.Next()) >> random.Below(64);
  if (window.ports) {
    Port(static_cast<uint16_t>(window.base + offset), width, write, static_cast<uint32_t>(value));
  } else {
    Memory(window.base + offset, width, write, value);
  }
  ++(write ? done.writes : done.reads);
}

void Report(std::string_view what, uint64_t number) {
  Print(" ");
  Print(what);
  Print(" ");
  PrintDecimal(number);
}

}  // namespace

bool RunChaos(std::string_view line) {
  constexpr unsigned kBetween = 32;  // accesses until the function is settled again
  Target target = {};
  const auto function = ParseFunction(TakeWord(line));
  const auto seed = TakeNumber(line);
  const auto count = TakeNumber(line);
  if (!function || !seed || !count) return Fail("chaos BUS:DEV.FN SEED COUNT");
  target.function = *function;
  if (!Look(target)) return Fail("chaos: no BAR has an address");
  Print("chaos:");
  Report("seed", *seed);
  Report("windows", target.count);
  Print("\n");
  Random random(*seed);
  Done done = {};
  for (uint64_t i = 0; i < *count; ++i) {
    if (i % kBetween == 0) Settle(target);
    if (random.Below(2) == 0) {
      AccessConfig(target, random, done);
    } else {
      AccessWindow(target, random, done);
    }
  }
  WriteConfig(target.function, header::kCommand, 2, 0);
  Print("chaos: done,");
  Report("config-reads", done.config_reads);
  Report("config-writes", done.config_writes);
  Report("reads", done.reads);
  Report("writes", done.writes);
  Print("\n");
  return true;
}

}  // namespace guest
