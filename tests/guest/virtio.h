// A modern virtio device on the PCI bus (virtio 1.2, 4.1) with one split queue, one request at a
// time.
#pragma once

#include <cstdint>

#include "tests/guest/pci.h"

namespace guest {

struct VirtioPiece {
  const volatile void* memory;
  uint32_t size;
  bool writable;
};

class Virtio {
 public:
  // Finds the device by its type and starts it with these features of its own (besides the version
  // and, where it is offered, EVENT_IDX), queue 0 alone. False and a message when it does not come
  // up.
  bool Start(uint16_t type, uint64_t features, InterruptMode mode);
  bool started() const { return common_ != 0; }
  // Gives the device a request and waits for it; the length that the device reports, or nothing.
  std::optional<uint32_t> Do(const VirtioPiece* pieces, unsigned count);
  uint64_t features() const { return features_; }
  uint64_t interrupts() const;
  template <class T>
  T Config(unsigned offset) const;
  // What the PCI function is.
  Function function() const { return function_; }
  bool Reset();

 private:
  static constexpr unsigned kSize = 8;
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

  bool FindStructures();
  bool Negotiate(uint64_t wanted);
  bool SetUpQueue();
  static void OnPin();

  Function function_;
  uint64_t common_ = 0;
  uint64_t isr_ = 0;
  uint64_t notify_ = 0;
  uint64_t config_ = 0;
  uint32_t multiplier_ = 0;
  uint64_t features_ = 0;
  InterruptMode mode_ = InterruptMode::kPoll;
  uint16_t seen_ = 0;
  alignas(16) volatile Descriptor descriptors_[kSize];
  alignas(4) volatile Available available_;
  alignas(4) volatile Used used_;
};

uint64_t LoadConfig(uint64_t address, unsigned width);

template <class T>
T Virtio::Config(unsigned offset) const {
  return static_cast<T>(LoadConfig(config_ + offset, sizeof(T)));
}

}  // namespace guest
