// Accesses that no driver makes. Repeatable: the seed alone decides.
#include <cstdint>

#include "sysfs/pci_registers.h"
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/machine.h"
#include "tests/guest/pci.h"
#include "tests/guest/random.h"
#include "vmm/platform.h"

namespace guest {
namespace {

namespace header = sysfs::registers::header;

constexpr uint8_t kWidths[] = {1, 2, 4};

// Mostly where something is.
uint16_t PickOffset(Random& random) {
  const uint32_t limit = random.Below(4) == 0 ? 4096 : random.Below(2) == 0 ? 256 : 64;
  return static_cast<uint16_t>(random.Below(limit));
}

void FuzzConfig(Function function, Random& random) {
  const uint16_t offset = PickOffset(random);
  const unsigned width = kWidths[random.Below(3)];
  if (random.Below(2) == 0) {
    ReadConfig(function, offset, width);
  } else {
    WriteConfig(function, offset, width, random.Next() >> random.Below(32));
  }
}

// Moves, sizes, switches off and on, in an order of no sense.
void FuzzBars(Function function, Random& random) {
  const auto bar = static_cast<uint16_t>(header::kBar0 + 4 * random.Below(6));
  switch (random.Below(4)) {
    case 0:
      return WriteConfig(function, bar, 4, ~0u);
    case 1:
      return WriteConfig(function, header::kCommand, 2, random.Below(8));
    case 2:
      return WriteConfig(function, bar, 4, 0xc0000000 + (random.Below(0x3000) << 16));
    default:
      return WriteConfig(function, bar, 4, random.Next());
  }
}

void FuzzPorts(Random& random) {
  Out32(vmm::kPciConfigPorts, random.Next() | 1u << 31);
  const auto port = static_cast<uint16_t>(vmm::kPciConfigPorts + 4 + random.Below(4));
  if (random.Below(2) == 0) {
    In16(port);
  } else {
    Out16(port, static_cast<uint16_t>(random.Next()));
  }
}

}  // namespace

bool RunFuzz(std::string_view line) {
  const std::string_view what = TakeWord(line);
  const auto function = ParseFunction(TakeWord(line));
  const auto seed = TakeNumber(line);
  const auto count = TakeNumber(line);
  if (!function || !seed || !count) return Fail("fuzz config|bars|ports BUS:DEV.FN SEED COUNT");
  Random random(*seed);
  for (uint64_t i = 0; i < *count; ++i) {
    if (what == "config") {
      FuzzConfig(*function, random);
    } else if (what == "bars") {
      FuzzBars(*function, random);
    } else {
      FuzzPorts(random);
    }
  }
  Print("fuzz: done ");
  PrintDecimal(*count);
  Print("\n");
  return true;
}

}  // namespace guest
