#include "tests/guest/virtio.h"

#include "tests/guest/console.h"
#include "tests/guest/interrupts.h"
#include "tests/guest/machine.h"

namespace guest {
namespace {

namespace reg = virtio_register;

constexpr uint32_t kPatience = 30000;  // ms
constexpr uint64_t kVersion1 = uint64_t{1} << 32;
constexpr uint64_t kEventIdx = uint64_t{1} << 29;

uint64_t AddressOf(const volatile void* memory) { return reinterpret_cast<uint64_t>(memory); }

void StoreAddress(uint64_t at, uint64_t value) {
  Store(at, static_cast<uint32_t>(value));
  Store(at + 4, static_cast<uint32_t>(value >> 32));
}

// Of the device whose pin is in use.
uint64_t pin_isr = 0;

}  // namespace

uint64_t LoadConfig(uint64_t address, unsigned width) {
  if (width == 1) return Load<uint8_t>(address);
  if (width == 2) return Load<uint16_t>(address);
  if (width == 4) return Load<uint32_t>(address);
  return Load<uint32_t>(address) | uint64_t{Load<uint32_t>(address + 4)} << 32;
}

void Virtio::OnPin() { Load<uint8_t>(pin_isr); }

VirtioPlaces FindVirtioPlaces(Function function) {
  const auto config = [function](unsigned offset, unsigned width) {
    return ReadConfig(function, static_cast<uint16_t>(offset), width);
  };
  const uint64_t bar = BarAddress(function, 0);
  unsigned at = config(0x34, 1) & ~3u;
  VirtioPlaces places;
  for (unsigned steps = 0; at >= 0x40 && steps < 48; ++steps, at = config(at + 1, 1) & ~3u) {
    if (config(at, 1) != 9) continue;
    const uint64_t place = bar + config(at + 8, 4);
    const unsigned kind = config(at + 3, 1);
    if (kind == 1) places.common = place;
    if (kind == 2) places.notify = place;
    if (kind == 2) places.multiplier = config(at + 16, 4);
    if (kind == 3) places.isr = place;
    if (kind == 4) places.config = place;
    if (kind == 5) places.window = static_cast<uint16_t>(at);
  }
  return places;
}

bool Virtio::Reset() {
  Store<uint8_t>(places_.common + reg::kStatus, 0);
  return WaitFor([this] { return Load<uint8_t>(places_.common + reg::kStatus) == 0; }, kPatience);
}

bool Virtio::Break() {
  constexpr uint8_t kNeedsReset = 64;
  queues_[0].available.index = static_cast<uint16_t>(queues_[0].available.index + 1000);
  Fence();
  Store<uint16_t>(queues_[0].notify, 0);
  return WaitFor(
      [this] { return (Load<uint8_t>(places_.common + reg::kStatus) & kNeedsReset) != 0; },
      kPatience);
}

bool Virtio::Negotiate(uint64_t wanted) {
  uint64_t offered = 0;
  for (unsigned word = 0; word < 2; ++word) {
    Store<uint32_t>(places_.common + reg::kDeviceSelect, word);
    offered |= uint64_t{Load<uint32_t>(places_.common + reg::kDeviceFeature)} << (32 * word);
  }
  features_ = offered & (wanted | kVersion1 | kEventIdx);
  for (unsigned word = 0; word < 2; ++word) {
    Store<uint32_t>(places_.common + reg::kDriverSelect, word);
    Store<uint32_t>(places_.common + reg::kDriverFeature,
                    static_cast<uint32_t>(features_ >> (32 * word)));
  }
  Store<uint8_t>(places_.common + reg::kStatus, 11);
  return Load<uint8_t>(places_.common + reg::kStatus) == 11;
}

bool Virtio::SetUpQueue(unsigned index) {
  Queue& queue = queues_[index];
  for (auto& byte : queue.available.ring) byte = 0;
  queue.available.flags = 0;
  queue.available.index = 0;
  queue.available.used_event = 0;
  queue.used.flags = 0;
  queue.used.index = 0;
  queue.used.available_event = 0;
  queue.seen = 0;
  const uint16_t vector = mode_ == InterruptMode::kMsix && index == 0 ? 1 : 0xffff;
  Store<uint16_t>(places_.common + reg::kQueueSelect, static_cast<uint16_t>(index));
  if (Load<uint16_t>(places_.common + reg::kQueueEnable) != 0) return false;
  Store<uint16_t>(places_.common + reg::kQueueSize, kSize);
  Store<uint16_t>(places_.common + reg::kQueueVector, vector);
  if (Load<uint16_t>(places_.common + reg::kQueueVector) != vector) return false;
  StoreAddress(places_.common + reg::kDescriptors, AddressOf(queue.descriptors));
  StoreAddress(places_.common + reg::kDriverArea, AddressOf(&queue.available));
  StoreAddress(places_.common + reg::kDeviceArea, AddressOf(&queue.used));
  queue.notify = places_.notify + uint64_t{places_.multiplier} *
                                      Load<uint16_t>(places_.common + reg::kQueueNotifyOffset);
  Store<uint16_t>(places_.common + reg::kQueueEnable, 1);
  return true;
}

bool Virtio::Start(uint16_t type, uint64_t features, InterruptMode mode, unsigned queues) {
  const auto found = FindDevice(kVirtioVendor, static_cast<uint16_t>(kFirstVirtioDevice + type));
  return found ? Start(*found, features, mode, queues) : Fail("virtio: no such device");
}

bool Virtio::Start(Function function, uint64_t features, InterruptMode mode, unsigned queues) {
  function_ = function;
  mode_ = mode;
  const bool decodes = Enable(function_, 0);
  places_ = decodes ? FindVirtioPlaces(function_) : VirtioPlaces();
  if (!places_.complete()) return Fail("virtio: not a modern device");
  if (!Reset()) return Fail("virtio: stays in its reset");
  Store<uint8_t>(places_.common + reg::kStatus, 3);
  if (!Negotiate(features)) return Fail("virtio: does not take the features");
  if (!SetInterrupts(function_, mode, 2)) return Fail("virtio: no such interrupt");
  pin_isr = places_.isr;
  SetAcknowledge(kFirstVector, mode == InterruptMode::kPin ? OnPin : nullptr);
  for (unsigned i = 0; i < queues; ++i) {
    if (!SetUpQueue(i)) return Fail("virtio: its queue does not work");
  }
  Store<uint8_t>(places_.common + reg::kStatus, 15);
  return Load<uint8_t>(places_.common + reg::kStatus) == 15 || Fail("virtio: does not start");
}

void Virtio::SetConfigByte(unsigned offset, uint8_t value) {
  Store(places_.config + offset, value);
}

uint64_t Virtio::interrupts() const {
  return InterruptCount(mode_ == InterruptMode::kMsix ? kFirstVector + 1 : kFirstVector);
}

void Virtio::Give(unsigned index, const VirtioPiece* pieces, unsigned count) {
  Queue& queue = queues_[index];
  for (unsigned i = 0; i < count; ++i) {
    queue.descriptors[i].address = AddressOf(pieces[i].memory);
    queue.descriptors[i].size = pieces[i].size;
    queue.descriptors[i].flags =
        static_cast<uint16_t>((i + 1 < count ? 1 : 0) | (pieces[i].writable ? 2 : 0));
    queue.descriptors[i].next = static_cast<uint16_t>(i + 1);
  }
  const uint16_t next = queue.available.index;
  queue.available.ring[next % kSize] = 0;
  queue.available.used_event = queue.seen;
  Fence();
  queue.available.index = static_cast<uint16_t>(next + 1);
  Fence();
  const bool wanted = (features_ & kEventIdx) == 0 ? (queue.used.flags & 1) == 0
                                                   : queue.used.available_event == next;
  if (wanted) Store<uint16_t>(queue.notify, static_cast<uint16_t>(index));
}

std::optional<uint32_t> Virtio::Take(unsigned index) {
  Queue& queue = queues_[index];
  if (!WaitFor([&] { return queue.used.index != queue.seen; }, kPatience)) {
    return Fail("virtio: no answer"), std::nullopt;
  }
  Fence();
  const uint32_t size = queue.used.ring[queue.seen % kSize].size;
  queue.seen = static_cast<uint16_t>(queue.seen + 1);
  return size;
}

std::optional<uint32_t> Virtio::Do(const VirtioPiece* pieces, unsigned count) {
  const uint64_t before = interrupts();
  Give(0, pieces, count);
  const bool interrupted =
      mode_ == InterruptMode::kPoll || WaitFor([&] { return interrupts() != before; }, kPatience);
  if (!interrupted) return Fail("virtio: no interrupt"), std::nullopt;
  return Take(0);
}

}  // namespace guest
