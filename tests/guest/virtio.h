// A modern virtio device on the PCI bus (virtio 1.2, 4.1) with up to three split queues, one
// request at a time in each.
#pragma once

#include <cstdint>

#include "tests/guest/machine.h"
#include "tests/guest/pci.h"
#include "tests/guest/virtio_registers.h"

namespace guest {

struct VirtioPiece {
  const volatile void* memory;
  uint32_t size;
  bool writable;
};

class Virtio {
 public:
  // Finds the device by its type and starts it with these features of its own (besides the version
  // and, where it is offered, EVENT_IDX), so many queues. False and a message when it does not come
  // up. Queue 0 alone interrupts.
  bool Start(uint16_t type, uint64_t features, InterruptMode mode, unsigned queues = 1);
  bool Start(Function function, uint64_t features, InterruptMode mode, unsigned queues);
  bool started() const { return places_.common != 0; }
  // Gives the device a request and waits for it; the length that the device reports, or nothing.
  std::optional<uint32_t> Do(const VirtioPiece* pieces, unsigned count);
  // The same in two steps, for any queue and without a look at interrupts.
  void Give(unsigned queue, const VirtioPiece* pieces, unsigned count);
  std::optional<uint32_t> Take(unsigned queue);
  uint64_t features() const { return features_; }
  uint64_t interrupts() const;
  template <class T>
  T Config(unsigned offset) const;
  void SetConfigByte(unsigned offset, uint8_t value);
  template <class T>
  void SetConfig(unsigned offset, T value) {
    Store<T>(places_.config + offset, value);
  }
  // What the PCI function is.
  Function function() const { return function_; }
  bool Reset();
  // Breaks queue 0: more requests than it holds. Whether the device says so.
  bool Break();

 private:
  static constexpr unsigned kSize = 8;
  static constexpr unsigned kQueues = 3;
  struct Descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags;
    uint16_t next;
  };
  struct Available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[kSize];
    uint16_t used_event;
  };
  struct Used {
    uint16_t flags;
    uint16_t index;
    struct {
      uint32_t id;
      uint32_t size;
    } ring[kSize];
    uint16_t available_event;
  };

  bool Negotiate(uint64_t wanted);
  bool SetUpQueue(unsigned index);
  static void OnPin();

  Function function_;
  VirtioPlaces places_;
  uint64_t features_ = 0;
  InterruptMode mode_ = InterruptMode::kPoll;
  struct Queue {
    uint64_t notify;
    uint16_t seen;
    alignas(16) volatile Descriptor descriptors[kSize];
    alignas(4) volatile Available available;
    alignas(4) volatile Used used;
  };
  Queue queues_[kQueues] = {};
};

uint64_t LoadConfig(uint64_t address, unsigned width);

template <class T>
T Virtio::Config(unsigned offset) const {
  return static_cast<T>(LoadConfig(places_.config + offset, sizeof(T)));
}

}  // namespace guest
