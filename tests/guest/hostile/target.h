// A virtio function and what its hostile driver has done with it.
//
// The driver has no protection from the devices that it misleads: they write where they are told.
// So each function has memory of its own far behind the program, all addresses that a device is
// told lie there or are no RAM, and numbers in rings, which may lie over descriptors, are such that
// no descriptor made of them leads to the program (Harmless). What does go there is an error of the
// machine's, and found (checks.h).
#pragma once

#include <cstdint>
#include <optional>

#include "tests/guest/pci.h"
#include "tests/guest/random.h"
#include "tests/guest/virtio_registers.h"

namespace guest::hostile {

inline constexpr unsigned kMostFunctions = 8;
inline constexpr unsigned kMostQueues = 8;
inline constexpr unsigned kSums = 8;

enum Type : uint16_t { kNet = 1, kBlk = 2, kConsole = 3, kEntropy = 4, kBalloon = 5 };

// Memory of a function, from its start.
inline constexpr uint64_t kFirstMemory = uint64_t{32} << 20;
inline constexpr uint64_t kMemoryBytes = uint64_t{2} << 20;
inline constexpr uint64_t kRingBytes = 0x10000;  // of a queue, of which there are kMostQueues
inline constexpr uint64_t kReadableAt = 0x100000;
inline constexpr uint64_t kReadableBytes = 0x10000;
inline constexpr uint64_t kPoisonAt = 0x110000;
inline constexpr uint64_t kWritableAt = 0x120000;
inline constexpr uint64_t kWritableBytes = 0x80000;
inline constexpr uint64_t kMostInRam = 0x10000;  // of a buffer

// A queue as the device was told, or its own place where it was told something that is no memory.
struct Ring {
  uint64_t descriptors;
  uint64_t available;
  uint64_t used;
  uint16_t size;
  uint16_t next;
};

struct Target {
  Function function;
  std::optional<Function> port;
  uint16_t type;
  uint16_t queues;
  uint16_t vectors;
  uint16_t msix;  // capabilities; 0 for none
  uint16_t power;
  uint32_t table;  // of MSI-X, in the BAR
  VirtioPlaces places;
  uint64_t bar;  // where it was found
  uint64_t now;  // and where it is
  uint64_t offered;
  uint64_t features;
  uint64_t memory;
  uint64_t ram_end;
  uint64_t sums[kSums];  // of a read-only disk's pieces
  Ring rings[kMostQueues];
};

inline bool OneIn(Random& random, uint32_t count) { return random.Below(count) == 0; }
template <class T, unsigned N>
T OneOf(Random& random, const T (&values)[N]) {
  return values[random.Below(N)];
}

inline bool Offers(const Target& target, unsigned feature) {
  return (target.offered >> feature & 1) != 0;
}
inline bool Has(const Target& target, unsigned feature) {
  return (target.features >> feature & 1) != 0;
}

// False when its BAR has no address. The number is that of its memory.
bool Look(Target& target, Function function, unsigned number, uint64_t ram_end);
// BARs where they were, decoded; bus mastering on; no interrupts; power on.
void Settle(Target& target);
void MoveBar(Target& target, uint64_t address);

}  // namespace guest::hostile
