#include "tests/guest/hostile/registers.h"

#include "sysfs/pci_registers.h"
#include "tests/guest/hostile/values.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"

namespace guest::hostile {
namespace {

namespace header = sysfs::registers::header;
namespace reg = virtio_register;

constexpr uint32_t kBarBytes = 0x8000;
constexpr uint32_t kPage = 4096;

uint64_t Read(uint64_t at, unsigned width) {
  if (width == 1) return Load<uint8_t>(at);
  if (width == 2) return Load<uint16_t>(at);
  return width == 4 ? Load<uint32_t>(at) : Load<uint64_t>(at);
}

void Write(uint64_t at, unsigned width, uint64_t value) {
  if (width == 1) return Store(at, static_cast<uint8_t>(value));
  if (width == 2) return Store(at, static_cast<uint16_t>(value));
  return width == 4 ? Store(at, static_cast<uint32_t>(value)) : Store(at, value);
}

void SetAddress(uint64_t at, uint64_t value) {
  Store(at, static_cast<uint32_t>(value));
  Store(at + 4, static_cast<uint32_t>(value >> 32));
}

uint16_t PickQueue(const Target& target, Random& random) {
  const unsigned beyond[] = {target.queues, target.queues + 1u, 255, 256, 0xffff};
  const unsigned queue = random.Below(target.queues);
  return static_cast<uint16_t>(OneIn(random, 8) ? OneOf(random, beyond) : queue);
}

uint16_t PickVector(const Target& target, Random& random) {
  const unsigned vectors[] = {0, 1, target.vectors - 1u, target.vectors, 0x7ff, 0xfffe, 0xffff};
  return static_cast<uint16_t>(OneOf(random, vectors));
}

void Negotiate(Target& target, Random& random) {
  const uint64_t common = target.places.common;
  const uint64_t some = uint64_t{random.Next()} << 32 | random.Next();
  const uint64_t version = OneIn(random, 16) ? 0 : uint64_t{1} << 32;
  target.features = (target.offered & (OneIn(random, 2) ? ~uint64_t{0} : some)) | version;
  if (OneIn(random, 12)) target.features ^= uint64_t{1} << random.Below(64);
  for (unsigned word = 0; word < 2; ++word) {
    Store<uint32_t>(common + reg::kDriverSelect, OneIn(random, 32) ? random.Next() : word);
    Store(common + reg::kDriverFeature, static_cast<uint32_t>(target.features >> (32 * word)));
  }
}

void SetUpQueue(Target& target, Random& random, unsigned queue) {
  const uint64_t common = target.places.common;
  Store(common + reg::kQueueSelect, static_cast<uint16_t>(queue));
  const uint32_t most = Load<uint16_t>(common + reg::kQueueSize);
  const uint32_t wrong[] = {0, 1, 3, 5, 7, 9, most - 1, most + 1, 2 * most, 0x8000, 0xffff};
  const uint32_t wanted = OneIn(random, 6) ? OneOf(random, wrong) : 4u << random.Below(6);
  Store(common + reg::kQueueSize, static_cast<uint16_t>(wanted));
  Ring& ring = target.rings[queue];
  const uint32_t size = Load<uint16_t>(common + reg::kQueueSize);
  ring.size = static_cast<uint16_t>(size == 0 || size > 1024 ? 8 : size);
  ring.next = 0;
  Store(common + reg::kQueueVector, PickVector(target, random));
  uint64_t* const places[] = {&ring.descriptors, &ring.available, &ring.used};
  for (unsigned i = 0; i < 3; ++i) {
    const auto area = static_cast<Area>(i);
    const uint64_t own = OwnPlace(target, queue, area);
    const uint64_t place = OneIn(random, 10) ? PickPlace(target, random, queue, area) : own;
    SetAddress(common + reg::kDescriptors + 8 * i, place);
    const bool ours = place >= target.memory && place < target.memory + kReadableAt;
    *places[i] = ours ? place : own;
    for (uint64_t at = 0; at < 64; at += 8) Store<uint64_t>(own + at, 0);
  }
  if (OneIn(random, 24)) return;
  Store<uint16_t>(common + reg::kQueueEnable, OneIn(random, 24) ? 2 : 1);
  if (OneIn(random, 8)) Store<uint16_t>(common + reg::kQueueEnable, 1);
}

void SetUpQueues(Target& target, Random& random) {
  for (unsigned queue = 0; queue < target.queues; ++queue) {
    if (!OneIn(random, 12)) SetUpQueue(target, random, queue);
  }
}

void WriteStatus(const Target& target, unsigned value) {
  Store(target.places.common + reg::kStatus, static_cast<uint8_t>(value));
}

void SetUpMsix(const Target& target, Random& random) {
  if (target.msix == 0 || OneIn(random, 3)) return;
  for (unsigned i = 0; i < 4; ++i) TouchMsix(target, random);
  WriteConfig(target.function, static_cast<uint16_t>(target.msix + 2), 2, 1u << 15);
}

void DoStep(Target& target, Random& random, unsigned step) {
  switch (step) {
    case 0:
      return ResetDevice(target);
    case 1:
      return WriteStatus(target, OneIn(random, 8) ? random.Next() & 0xfb : 3);
    case 2:
      return Negotiate(target, random);
    case 3:
      return WriteStatus(target, 11);
    case 4:
      return SetUpMsix(target, random);
    case 5:
      return SetUpQueues(target, random);
    default:
      return WriteStatus(target, 15);
  }
}

}  // namespace

void ResetDevice(const Target& target) {
  WriteStatus(target, 0);
  for (unsigned look = 0; look < 16; ++look) {
    if (Load<uint8_t>(target.places.common + reg::kStatus) == 0) return;
  }
}

void Begin(Target& target, Random& random) {
  uint8_t steps[] = {0, 1, 2, 3, 4, 5, 6};
  if (OneIn(random, 6)) {
    const unsigned one = random.Below(7);
    const unsigned other = random.Below(7);
    const uint8_t step = steps[one];
    steps[one] = steps[other];
    steps[other] = step;
  }
  for (const uint8_t step : steps) DoStep(target, random, step);
}

void TouchBar(Target& target, Random& random) {
  const unsigned width = 1u << random.Below(4);
  const uint64_t page = uint64_t{random.Below(kBarBytes / kPage)} * kPage;
  uint64_t at = OneIn(random, 8) ? random.Below(kPage) : random.Below(80);
  if (!OneIn(random, 3)) at &= ~uint64_t{width - 1};
  if (at + width > kPage) at = kPage - width;
  if (OneIn(random, 3)) {
    Read(target.now + page + at, width);
  } else {
    Write(target.now + page + at, width, PickValue(target, random, page + at, width));
  }
}

void TouchCommon(Target& target, Random& random) {
  const uint64_t common = target.places.common;
  switch (random.Below(8)) {
    case 0:
      return WriteStatus(target, OneOf(random, {1u, 2u, 3u, 4u, 8u, 11u, 15u, 64u, 128u, 255u}));
    case 1:
      Store(common + reg::kDeviceSelect, random.Below(4));
      Load<uint32_t>(common + reg::kDeviceFeature);
      return;
    case 2:
      return Negotiate(target, random);
    case 3:
      return Store(common + reg::kConfigVector, PickVector(target, random));
    case 4:
      return Store(common + reg::kQueueSelect, PickQueue(target, random));
    case 5:
      return Store(common + reg::kQueueEnable, static_cast<uint16_t>(random.Below(3)));
    case 6:
      return Store(common + reg::kQueueReset, static_cast<uint16_t>(random.Below(3)));
    default:
      return SetUpQueue(target, random, random.Below(target.queues));
  }
}

void TouchDoorbell(const Target& target, Random& random) {
  const uint64_t at = uint64_t{PickQueue(target, random)} * target.places.multiplier;
  if (at + 8 > kPage * 3) return;
  const uint64_t offset = OneIn(random, 4) ? random.Below(4) : 0;
  Write(target.places.notify + at + offset, 1u << random.Below(3), random.Next());
}

void TouchConfig(const Target& target, Random& random) {
  const unsigned width = 1u << random.Below(3);
  const uint32_t limit = OneOf(random, {64u, 256u, 256u, 4096u});
  const auto offset = static_cast<uint16_t>(random.Below(limit - width + 1));
  const uint16_t window = target.places.window;
  if (OneIn(random, 2)) {
    ReadConfig(target.function, offset, width);
  } else if (offset + width <= window || offset >= window + 20) {
    WriteConfig(target.function, offset, width, random.Next() >> random.Below(32));
  }
}

// What is behind the window is what PickValue knows.
void TouchWindow(const Target& target, Random& random) {
  const uint16_t window = target.places.window;
  if (window == 0) return;
  const uint32_t width = OneOf(random, {1u, 2u, 4u, 4u, 3u, 8u, 0u});
  const uint32_t offset =
      OneIn(random, 8) ? random.Next() : random.Below(8) * kPage + random.Below(72);
  WriteConfig(target.function, static_cast<uint16_t>(window + 4), 1, OneIn(random, 8) ? 1 : 0);
  WriteConfig(target.function, static_cast<uint16_t>(window + 8), 4, offset);
  WriteConfig(target.function, static_cast<uint16_t>(window + 12), 4, width);
  const auto data = static_cast<uint16_t>(window + 16);
  const uint64_t value = PickValue(target, random, offset, width == 0 ? 4 : width);
  if (OneIn(random, 2)) {
    ReadConfig(target.function, static_cast<uint16_t>(data + random.Below(2)),
               OneOf(random, {1u, 2u}));
  } else {
    WriteConfig(target.function, data, OneOf(random, {1u, 2u, 4u}), static_cast<uint32_t>(value));
  }
}

void TouchMsix(const Target& target, Random& random) {
  if (target.msix == 0) return;
  const auto control = static_cast<uint16_t>(target.msix + 2);
  if (OneIn(random, 4)) return WriteConfig(target.function, control, 2, random.Next() & 0xc7ff);
  const uint64_t entry = target.now + target.table + 16 * random.Below(target.vectors + 2u);
  Store(entry, OneIn(random, 8) ? random.Next() & 0x7fffffff
                                : static_cast<uint32_t>(kMessageAddress) | random.Below(4) << 12);
  Store<uint32_t>(entry + 4, OneIn(random, 8) ? random.Next() : 0);
  Store<uint32_t>(entry + 8, 0x50 + random.Below(0xa0));
  Store<uint32_t>(entry + 12, random.Below(2));
}

void TouchCommand(Target& target, Random& random) {
  if (OneIn(random, 2)) {
    const uint32_t bits[] = {0, 2, 4, 6, 0x402, 0x406, 0xffff};
    return WriteConfig(target.function, header::kCommand, 2, OneOf(random, bits));
  }
  const uint64_t near = target.bar + kBarBytes * random.Below(32);
  const uint64_t places[] = {near,
                             near,
                             near,
                             0,
                             ~uint64_t{0},
                             target.memory,
                             kMessageAddress,
                             uint64_t{0xb0000000},
                             target.bar ^ uint64_t{1} << random.Below(46)};
  MoveBar(target, OneOf(random, places));
}

void ResetBus(Target& target) {
  constexpr uint16_t kBridgeControl = 0x3e;
  constexpr uint32_t kReset = 1u << 6;
  if (!target.port) return;
  const uint32_t control = ReadConfig(*target.port, kBridgeControl, 2);
  WriteConfig(*target.port, kBridgeControl, 2, control | kReset);
  WriteConfig(*target.port, kBridgeControl, 2, control & ~kReset);
}

}  // namespace guest::hostile
