// Numbers of a hostile driver: what no driver writes, beside what one does.
#pragma once

#include <cstdint>

#include "tests/guest/hostile/target.h"

namespace guest::hostile {

// A buffer's, with room for kMostInRam bytes where it is RAM.
uint64_t PickAddress(const Target& target, Random& random, bool writable);
uint32_t PickSize(Random& random);

// For what may be read as part of a descriptor: as bits 16 to 31 of an address it leads neither to
// the program nor to its canaries, as a page's number not to the program.
uint16_t Harmless(uint32_t number);

enum class Area : uint8_t { kDescriptors, kAvailable, kUsed };
// Of a queue's ring: where it belongs, and where it may be told to be.
uint64_t OwnPlace(const Target& target, unsigned queue, Area area);
uint64_t PickPlace(const Target& target, Random& random, unsigned queue, Area area);

// For a register of the BAR, by its offset there.
uint64_t PickValue(const Target& target, Random& random, uint64_t offset, unsigned width);

// What the device reads as requests, and what it is not to understand.
void FillReadable(const Target& target, Random& random, uint64_t bytes);
void FillPoison(const Target& target, Random& random);

}  // namespace guest::hostile
