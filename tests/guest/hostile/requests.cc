#include "tests/guest/hostile/requests.h"

#include "tests/guest/hostile/values.h"
#include "tests/guest/machine.h"

namespace guest::hostile {
namespace {

constexpr unsigned kIndirectFeature = 28;
constexpr unsigned kPackedFeature = 34;
constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;
constexpr uint16_t kAvailable = 0x80, kUsed = 0x8000;  // of the packed format
constexpr uint64_t kTablesAt = 0x8000;                 // in a queue's memory
constexpr unsigned kTableEntries = 1024;
constexpr unsigned kMostPieces = 3;
// More would let the index of a used ring grow into what is not harmless.
constexpr unsigned kMostRequests = 7;

struct Piece {
  uint64_t address;
  uint32_t size;
  uint16_t flags;
  uint16_t next;
};

struct Request {
  Piece pieces[kMostPieces];
  unsigned count;
};

void Write(uint64_t table, unsigned index, const Piece& piece) {
  const uint64_t at = table + 16 * uint64_t{index};
  Store(at, piece.address);
  Store(at + 8, piece.size);
  Store(at + 12, piece.flags);
  Store(at + 14, piece.next);
}

void Add(Request& request, uint64_t address, uint32_t size, bool writable) {
  request.pieces[request.count++] = {address, size, writable ? kWrite : uint16_t{0}, 0};
}

// As the device expects it.
Request Compose(const Target& target, Random& random, unsigned queue) {
  Request request = {};
  const uint64_t readable = target.memory + kReadableAt + 32 * random.Below(512);
  const uint64_t writable = target.memory + kWritableAt + 512 * random.Below(512);
  const uint32_t size = OneOf(random, {1u, 64u, 512u, 512u, 4096u, 32768u});
  const bool second = OneIn(random, 2);
  switch (target.type) {
    case kBlk:
      Add(request, readable, 16, false);
      Add(request, second ? writable : readable + 16, OneOf(random, {16u, size}), second);
      Add(request, target.memory + kWritableAt + kWritableBytes - 16, 1, true);
      break;
    case kNet:
      if (queue + 1u == target.queues && queue > 1) {
        Add(request, readable, 2, false);
        Add(request, readable + 2, OneOf(random, {1u, 2u, 6u, 8u, 20u}), false);
        Add(request, writable, 1, true);
      } else if (queue % 2 == 0) {
        Add(request, writable, size, true);
      } else {
        Add(request, readable, 12, false);
        Add(request, readable + 12, size, false);
      }
      break;
    case kConsole:
      Add(request, queue % 2 == 0 ? writable : readable, size, queue % 2 == 0);
      break;
    case kBalloon:
      Add(request, queue < 3 ? readable : writable, size, queue >= 3);
      break;
    default:
      Add(request, writable, size, true);
      if (second) Add(request, writable + 0x10000, size, true);
      break;
  }
  return request;
}

uint64_t PickTable(const Target& target, Random& random, unsigned queue) {
  const uint64_t own = OwnPlace(target, queue, Area::kDescriptors) + kTablesAt;
  const uint64_t shifted = target.type == kBalloon ? own : own + OneOf(random, {2u, 4u, 8u});
  return OneOf(random,
               {own, shifted, target.memory + kPoisonAt, target.ram_end - 16, target.ram_end,
                target.bar, OwnPlace(target, queue, Area::kDescriptors), ~uint64_t{15}});
}

void LinkUp(Request& request, unsigned first, unsigned size) {
  for (unsigned i = 0; i + 1 < request.count; ++i) {
    request.pieces[i].flags |= kNext;
    request.pieces[i].next = static_cast<uint16_t>((first + i + 1) % size);
  }
}

// An endless list of numbers of pages would end in memory that has others.
void Fit(const Target& target, Piece& piece) {
  if (target.type == kBalloon && piece.size > kMostInRam) piece.address = target.ram_end;
}

// The first three a queue survives.
void Spoil(const Target& target, Random& random, unsigned queue, Request& request, bool tame) {
  Piece& piece = request.pieces[random.Below(request.count)];
  const bool writable = (piece.flags & kWrite) != 0;
  switch (random.Below(tame ? 3 : 9)) {
    case 0:
      piece.size = PickSize(random);
      break;
    case 1:
      piece.address = PickAddress(target, random, writable);
      break;
    case 2:
      piece.address = PickAddress(target, random, true);
      piece.size = PickSize(random);
      break;
    case 3:
      piece.next = static_cast<uint16_t>(OneOf(random, {0u, 1u, 2u, 64u, 255u, 1024u, 0xffffu}));
      piece.flags |= kNext;
      break;
    case 4:
      piece.flags ^= kWrite;
      piece.address = PickAddress(target, random, !writable);
      break;
    case 5:
      piece.flags |= static_cast<uint16_t>(random.Next() & 0xfff8);
      break;
    case 6:
      piece.flags ^= kNext;
      break;
    case 7:
      piece.flags |= kIndirect;
      piece.address = PickTable(target, random, queue);
      break;
    default:
      request.count = 1 + random.Below(request.count);
      break;
  }
}

// The request behind one descriptor, in a table that may be too long, too short or none.
Piece PutAside(const Target& target, Random& random, unsigned queue, Request& request, bool tame) {
  const uint64_t own = OwnPlace(target, queue, Area::kDescriptors) + kTablesAt;
  for (unsigned i = 0; i < request.count; ++i) Write(own, i, request.pieces[i]);
  Piece table = {own, 16 * request.count, kIndirect, 0};
  if (tame || OneIn(random, 2)) return table;
  switch (random.Below(6)) {
    case 0:
      Write(own, request.count - 1, {own, 16, kIndirect, 0});
      break;
    case 1:
      table.flags |= kNext;
      break;
    case 2:
      table.size = OneOf(random, {0u, 1u, 15u, 17u, 65536u, 0x80000000u, 0xfffffff0u});
      break;
    case 3:
      table.address = PickTable(target, random, queue);
      break;
    case 4:
      for (unsigned i = 0; i < kTableEntries; ++i) {
        Write(own, i, {target.memory + kReadableAt, 1, kNext, static_cast<uint16_t>(i + 1)});
      }
      table.size = 16 * kTableEntries;
      break;
    default:
      Write(own, request.count - 1, {target.memory + kReadableAt, 1, kNext, 0});
      break;
  }
  return table;
}

void Kick(const Target& target, unsigned queue) {
  Store(target.places.notify + uint64_t{target.places.multiplier} * queue,
        static_cast<uint16_t>(queue));
}

// Which of the two bits of a packed ring says that a descriptor is there, by the round.
void WritePacked(const Ring& ring, Random& random, unsigned index, Piece piece, unsigned id) {
  const bool first = (ring.next / ring.size) % 2 == 0;
  const uint16_t bits = first != OneIn(random, 12) ? kAvailable : kUsed;
  const auto flags = static_cast<uint16_t>(piece.flags | bits);
  piece.flags = static_cast<uint16_t>(id);
  piece.next = flags;
  Write(ring.descriptors, index, piece);
}

void GivePacked(Ring& ring, Random& random, const Request& request) {
  for (unsigned i = 0; i < request.count; ++i) {
    WritePacked(ring, random, ring.next % ring.size, request.pieces[i], random.Below(ring.size));
    ring.next = static_cast<uint16_t>(ring.next + 1);
  }
}

void GiveSplit(Ring& ring, Random& random, const Request& request, unsigned head, bool tame) {
  for (unsigned i = 0; i < request.count; ++i) {
    Write(ring.descriptors, (head + i) % ring.size, request.pieces[i]);
  }
  const unsigned wrong[] = {ring.size, 0xffff, random.Next() | 0x400, 0};
  const unsigned entry = !tame && OneIn(random, 12) ? OneOf(random, wrong) : head;
  const uint64_t slot = ring.next % ring.size;
  Store(ring.available + 4 + 2 * slot, Harmless(entry));
  Store(ring.available + 4 + 2 * uint64_t{ring.size}, Harmless(random.Below(8)));
  if (OneIn(random, 8)) Store(ring.available, static_cast<uint16_t>(random.Below(4)));
  Fence();
  ring.next = static_cast<uint16_t>(ring.next + 1);
  Store(ring.available + 2, ring.next);
}

uint16_t PickIndex(Random& random) {
  return static_cast<uint16_t>(OneIn(random, 2) ? random.Below(kMostRequests + 1)
                                                : 0x1000 + random.Below(0xf000));
}

void DisturbDescriptor(const Target& target, Random& random, const Ring& ring) {
  const uint64_t at =
      ring.descriptors + 16 * uint64_t{random.Below(ring.size < 14 ? ring.size : 14)};
  switch (random.Below(4)) {
    case 0:
      return Store(at,
                   target.type == kBalloon ? target.ram_end : PickAddress(target, random, true));
    case 1:
      return Store(at + 8, target.type == kBalloon ? random.Below(4096) : PickSize(random));
    case 2:
      return Store(at + 12, static_cast<uint16_t>(random.Below(4)));
    default:
      return Store(at + 14, static_cast<uint16_t>(random.Below(24)));
  }
}

// Of those that are harmless; what a tame request takes no other one has.
unsigned PickHead(const Ring& ring, Random& random, bool tame) {
  const unsigned few = ring.size < 8 ? ring.size : 8;
  if (!tame) return random.Below(few);
  return ring.size < 128 ? 3u * ring.next % few : 0x40u + 3u * ring.next;
}

}  // namespace

void GiveRequest(Target& target, Random& random, bool tame) {
  const unsigned queue = random.Below(target.queues);
  Ring& ring = target.rings[queue];
  if (ring.next >= kMostRequests) return Kick(target, queue);
  const unsigned head = PickHead(ring, random, tame);
  Request request = Compose(target, random, queue);
  const bool may_aside = Has(target, kIndirectFeature) || (!tame && OneIn(random, 8));
  const bool aside = may_aside && OneIn(random, 3);
  LinkUp(request, aside ? 0 : head, aside ? kTableEntries : ring.size);
  if (OneIn(random, 2)) Spoil(target, random, queue, request, tame);
  for (unsigned i = 0; i < request.count; ++i) Fit(target, request.pieces[i]);
  if (aside) {
    request.pieces[0] = PutAside(target, random, queue, request, tame);
    request.count = 1;
  }
  if (Has(target, kPackedFeature)) {
    GivePacked(ring, random, request);
  } else {
    GiveSplit(ring, random, request, head, tame);
  }
  if (!OneIn(random, 4)) Kick(target, queue);
}

void Disturb(Target& target, Random& random, bool tame) {
  const unsigned queue = random.Below(target.queues);
  const Ring& ring = target.rings[queue];
  Kick(target, queue);
  for (unsigned left = random.Below(24); left > 0; --left) {
    switch (random.Below(tame ? 3 : 6)) {
      case 0:
        for (unsigned wait = random.Below(64); wait > 0; --wait) Pause();
        break;
      case 1:
        Store(ring.used + (OneIn(random, 3) ? 4 + 8 * uint64_t{ring.size} : 2 * random.Below(16)),
              Harmless(random.Next()));
        break;
      case 2:
        Store(ring.available, Harmless(random.Below(4)));
        break;
      case 3:
        Store(ring.available + 4 + 2 * uint64_t{random.Below(8)}, Harmless(random.Below(8)));
        break;
      case 4:
        Store(ring.available + 2, PickIndex(random));
        break;
      default:
        DisturbDescriptor(target, random, ring);
        break;
    }
  }
  if (OneIn(random, 2)) Kick(target, queue);
}

}  // namespace guest::hostile
