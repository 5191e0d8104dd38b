#include "tests/guest/hostile/values.h"

#include "tests/guest/machine.h"
#include "vmm/layout.h"

namespace guest::hostile {
namespace {

constexpr uint64_t kPage = 4096;
// In both halves: no address of RAM, no page of the program.
constexpr uint64_t kNoAddress = uint64_t{1} << 63 | uint64_t{1} << 31;

uint64_t Wide(Random& random) {
  const uint64_t high = random.Next();
  return high << 32 | random.Next();
}

// Where there is no RAM, or its end.
uint64_t PickOutside(const Target& target, Random& random) {
  // Others have left numbers there, which to a balloon are pages.
  const uint64_t before = target.type == kBalloon ? 0 : 1 + random.Below(64);
  const uint64_t places[] = {target.ram_end,
                             target.ram_end - before,
                             target.bar,
                             target.places.config,
                             target.places.notify,
                             vmm::kIoApicBase,
                             vmm::kLocalApicBase,
                             uint64_t{1} << 32,
                             ~uint64_t{0} - random.Below(kPage),
                             Wide(random) | uint64_t{1} << 40};
  return OneOf(random, places);
}

uint64_t PickSector(Random& random) {
  return OneOf(random, {uint64_t{random.Below(8)}, uint64_t{64} + random.Below(64), uint64_t{128},
                        ~uint64_t{0}, uint64_t{1} << 55, Wide(random) | kNoAddress});
}

// Its own memory, or none at all.
uint64_t PickPage(const Target& target, Random& random) {
  const uint64_t own = target.memory / kPage + random.Below(kMemoryBytes / kPage);
  return OneOf(random, {own, own, own, own, uint64_t{0}, target.ram_end / kPage - 1,
                        target.ram_end / kPage, vmm::kIoApicBase / kPage, uint64_t{0xffffffff}});
}

}  // namespace

uint64_t PickAddress(const Target& target, Random& random, bool writable) {
  if (OneIn(random, 6)) return PickOutside(target, random);
  const uint64_t at = writable ? kWritableAt + random.Below(kWritableBytes - kMostInRam)
                               : kReadableAt + random.Below(kReadableBytes / 2);
  return (target.memory + at) & ~uint64_t{OneOf(random, {0u, 3u, 15u, 511u, 4095u})};
}

uint32_t PickSize(Random& random) {
  static constexpr uint32_t kSizes[] = {
      0,   1,   2,   3,    7,    12,    15,    16,         17,         64,         511,
      512, 512, 513, 1024, 4096, 32768, 65536, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff};
  return OneOf(random, kSizes);
}

uint16_t Harmless(uint32_t number) {
  const auto value = static_cast<uint16_t>(number);
  const bool leads_here = (value >= 0x08 && value < 0x40) || (value >= 0x100 && value < 0x400);
  return static_cast<uint16_t>(leads_here ? value | 0x8000 : value);
}

uint64_t OwnPlace(const Target& target, unsigned queue, Area area) {
  static constexpr uint64_t kPlaces[] = {0, 0x4000, 0x5000};
  return target.memory + kRingBytes * queue + kPlaces[static_cast<unsigned>(area)];
}

// A used ring lies over descriptors so that its index is not the upper half of an address.
uint64_t PickPlace(const Target& target, Random& random, unsigned queue, Area area) {
  const uint64_t own = OwnPlace(target, queue, area);
  const unsigned other = random.Below(kMostQueues);
  const uint64_t descriptors =
      OwnPlace(target, OneIn(random, 2) ? queue : other, Area::kDescriptors);
  const bool balloon = target.type == kBalloon;  // that would take numbers of pages from there
  switch (random.Below(12)) {
    case 0:
      return own + OneOf(random, {1u, 2u, 4u, 8u});
    case 1:
      return PickOutside(target, random) & ~uint64_t{random.Below(2) * 15};
    case 2:
      return balloon ? own : target.ram_end - OneOf(random, {16u, 64u, 4096u});
    case 3:
      if (area == Area::kDescriptors) return descriptors;
      if (balloon) return own;
      return descriptors + 16 * random.Below(64) + OneOf(random, {4u, 8u, 12u});
    case 4:
      return OwnPlace(target, other, area);
    case 5:
      if (area == Area::kDescriptors)
        return balloon ? own : OwnPlace(target, other, Area::kAvailable);
      return OwnPlace(target, other, area == Area::kUsed ? Area::kAvailable : Area::kUsed);
    case 6:
      if (area == Area::kUsed) return 4;
      return balloon && area == Area::kDescriptors ? own : 0;
    default:
      return own;
  }
}

// Messages are none that would take the processor away from this program.
uint64_t PickValue(const Target& target, Random& random, uint64_t offset, unsigned width) {
  const uint64_t common = target.places.common - target.now;
  const uint64_t areas = common + virtio_register::kDescriptors;
  if (offset + width > areas && offset < areas + 24) {
    const auto area = static_cast<Area>(offset < areas ? 0 : (offset - areas) / 8);
    const uint64_t place = PickPlace(target, random, random.Below(kMostQueues), area);
    if (width == 8) return place;
    const bool low = width == 4 && (offset - areas) % 8 == 0;
    return low ? place : OneOf(random, {uint64_t{0}, ~uint64_t{0}});
  }
  if (target.msix != 0 && offset >= target.table && offset < target.table + kPage) {
    uint64_t message = 0;
    for (unsigned i = 0; i < 8; ++i) message = message << 8 | OneOf(random, {0x50u, 0x51u, 0x58u});
    return message;
  }
  return Wide(random) >> random.Below(64);
}

void FillPoison(const Target& target, Random& random) {
  for (uint64_t at = 0; at < kPage; at += 8) {
    Store(target.memory + kPoisonAt + at, Wide(random) | kNoAddress);
  }
}

// Requests of a disk and ranges of it, commands of a network card, numbers of pages.
void FillReadable(const Target& target, Random& random, uint64_t bytes) {
  for (uint64_t at = 0; at < bytes; at += 16) {
    uint64_t first = Wide(random) | kNoAddress;
    uint64_t second = Wide(random) | kNoAddress;
    if (target.type == kBlk && at % 32 == 0) {
      first = OneOf(random, {0u, 0u, 1u, 1u, 4u, 8u, 11u, 13u, 2u, 0xffffffffu});
      second = PickSector(random);
    } else if (target.type == kBlk) {
      first = PickSector(random);
      second = OneOf(random, {0u, 1u, 8u, 128u, 0xffffffffu}) | uint64_t{random.Below(4)} << 32;
    } else if (target.type == kNet) {
      first = random.Below(6) | random.Below(4) << 8 | random.Below(4) << 16 | 1u << 31 |
              uint64_t{random.Next()} << 32 | kNoAddress;
    } else if (target.type == kBalloon) {
      first = PickPage(target, random) | PickPage(target, random) << 32;
      second = PickPage(target, random) | PickPage(target, random) << 32;
    }
    Store(target.memory + kReadableAt + at, first);
    Store(target.memory + kReadableAt + at + 8, second);
  }
}

}  // namespace guest::hostile
