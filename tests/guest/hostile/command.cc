// A driver that breaks every rule that virtio has for drivers, at all functions in turn, and looks
// after every few rounds whether they work. Repeatable: the seed alone decides what it does, but
// not how far the devices are by then.
#include "tests/guest/commands.h"
#include "tests/guest/console.h"
#include "tests/guest/hostile/checks.h"
#include "tests/guest/hostile/registers.h"
#include "tests/guest/hostile/requests.h"
#include "tests/guest/hostile/values.h"
#include "tests/guest/machine.h"

namespace guest {
namespace hostile {
namespace {

constexpr uint64_t kRoundsOfCheck = 4;
// With what the machine has left there.
constexpr uint64_t kLowMemory = 0x30000;
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kMostRam = 2048 * kMiB;

Target targets[kMostFunctions];
unsigned count = 0;

// All functions, or those that are named.
bool Find(std::string_view names) {
  uint64_t ram_end = kFirstMemory;
  while (ram_end < kMostRam && Load<uint64_t>(ram_end) != ~uint64_t{0}) ram_end += kMiB;
  if (ram_end < kFirstMemory + (kMostFunctions + 1) * kMemoryBytes) {
    return Fail("virtio-hostile: needs more memory");
  }
  const auto wanted = [names](Function function) {
    std::string_view rest = names;
    std::string_view word = TakeWord(rest);
    if (word.empty()) return true;
    for (; !word.empty(); word = TakeWord(rest)) {
      if (ParseFunction(word) == function) return true;
    }
    return false;
  };
  count = 0;
  FindFunction([&](Function function) {
    const bool ours = ReadConfig(function, 0, 2) == kVirtioVendor && wanted(function);
    if (ours && Look(targets[count], function, count, ram_end)) ++count;
    return count == kMostFunctions;
  });
  return count != 0 || Fail("virtio-hostile: no virtio device with an address");
}

void TouchRegisters(Target& target, Random& random) {
  switch (random.Below(12)) {
    case 0:
    case 1:
      return TouchCommon(target, random);
    case 2:
    case 3:
      return TouchBar(target, random);
    case 4:
      return TouchDoorbell(target, random);
    case 5:
      return TouchConfig(target, random);
    case 6:
      return TouchWindow(target, random);
    case 7:
      return TouchMsix(target, random);
    case 8:
      return TouchCommand(target, random);
    case 9:
      return OneIn(random, 8) ? ResetBus(target) : ResetDevice(target);
    case 10:
      return Begin(target, random);
    default:
      return FillReadable(target, random, 512);
  }
}

// In a tame round requests are wrong, if at all, in what a device has to bear.
void PlayRound(Target& target, Random& random) {
  for (uint64_t at = 0; at < 64; at += 8) Store<uint64_t>(at, 0);
  if (!OneIn(random, 8)) Settle(target);
  for (unsigned left = random.Below(4); left > 0; --left) TouchCommon(target, random);
  if (!OneIn(random, 8)) Begin(target, random);
  const bool tame = OneIn(random, 2);
  for (unsigned left = 4 + random.Below(24); left > 0; --left) {
    switch (random.Below(tame ? 12 : 8)) {
      case 0:
      case 1:
        TouchRegisters(target, random);
        break;
      case 2:
        Settle(target);
        break;
      case 3:
        Disturb(target, random, tame);
        break;
      default:
        for (unsigned more = random.Below(4) + 1; more > 0; --more)
          GiveRequest(target, random, tame);
        break;
    }
  }
}

bool CheckAll(Random& random, uint32_t number) {
  for (unsigned i = 0; i < count; ++i) Settle(targets[i]);
  for (unsigned i = 0; i < count; ++i) {
    if (Check(targets[i], random, number)) continue;
    Print("virtio-hostile: ");
    PrintFunction(targets[i].function);
    Print(" does not work after round ");
    PrintDecimal(number);
    Print("\n");
    return false;
  }
  return MemoryIsWhole();
}

void Prepare(Random& random) {
  for (uint64_t at = 0; at < kLowMemory; at += 8) Store<uint64_t>(at, 0);
  for (unsigned i = 0; i < count; ++i) {
    FillReadable(targets[i], random, kReadableBytes / 4);
    FillPoison(targets[i], random);
  }
  MarkMemory();
}

void Report(std::string_view what, uint64_t number) {
  Print(what);
  PrintDecimal(number);
}

bool Play(uint64_t seed, uint64_t rounds) {
  Random random(seed);
  Prepare(random);
  uint64_t checks = 0;
  for (uint64_t round = 0; round <= rounds; ++round) {
    if (round % kRoundsOfCheck == 0 || round == rounds) {
      if (!CheckAll(random, static_cast<uint32_t>(round))) return false;
      checks += count;
    }
    for (unsigned i = 0; i < count && round < rounds; ++i) PlayRound(targets[i], random);
  }
  Report("virtio-hostile: seed ", seed);
  Report(", functions ", count);
  Report(", rounds ", rounds * count);
  Report(", good checks ", checks);
  Print("\n");
  return true;
}

}  // namespace
}  // namespace hostile

bool RunVirtioHostile(std::string_view line) {
  const auto seed = TakeNumber(line);
  const auto rounds = TakeNumber(line);
  if (!seed || !rounds) return Fail("virtio-hostile SEED COUNT [BUS:DEV.FN...]");
  return hostile::Find(line) && hostile::Play(*seed, *rounds);
}

}  // namespace guest
