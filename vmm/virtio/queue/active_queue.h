// A queue as its guest has set it up: checked once, then never changed until its reset.
//
// The registers that these values come from can be written by the guest at any time; what has been
// checked is therefore a value of its own (the class of CVE-2026-5747). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>

#include "vmm/virtio/guest_ram.h"

namespace vmm::virtio {

// More than this no device of ours offers (virtio allows 32768).
inline constexpr uint16_t kMostQueueSize = 1024;

// Why a queue does not work, for the log and the monitor.
enum class QueueFault : uint8_t {
  kBadSize,
  kBadAlignment,
  kRingOutsideRam,
  kIndexJump,        // more new requests than the ring has room for
  kBadHead,          // no such descriptor, or one that the device still has
  kBadNext,          // a chain leads out of its table
  kLongChain,        // or one that goes round
  kBadIndirect,      // its size, its place, or one inside another or not negotiated
  kReadAfterWrite,   // a readable buffer behind a writable one
  kTooManyInFlight,  // more ring entries than there are
  kHostKernel,       // that works the queue off, and has met an error of the guest's
};
std::string_view FaultText(QueueFault fault);

// The driver's negotiated features that change what a ring is (virtio 1.2, 6).
struct RingFeatures {
  bool packed = false;
  bool indirect = false;
  bool event_idx = false;
  bool operator==(const RingFeatures&) const = default;
};

// As the registers of the common configuration hold it.
struct QueueSetup {
  uint16_t size = 0;
  uint64_t descriptors = 0;  // descriptor area
  uint64_t driver = 0;       // driver area: available ring, or event suppression structure
  uint64_t device = 0;       // device area: used ring, or event suppression structure
  bool operator==(const QueueSetup&) const = default;
};

class ActiveQueue {
 public:
  // All three areas lie in RAM, each inside one region (virtio 1.2, 2.7 and 2.8.10).
  static tl::expected<ActiveQueue, QueueFault> Check(const QueueSetup& setup,
                                                     const RingFeatures& features,
                                                     const GuestRam& ram);

  uint16_t size() const { return setup_.size; }
  uint64_t descriptors() const { return setup_.descriptors; }
  uint64_t driver() const { return setup_.driver; }
  uint64_t device() const { return setup_.device; }
  const RingFeatures& features() const { return features_; }

 private:
  ActiveQueue(const QueueSetup& setup, const RingFeatures& features)
      : setup_(setup), features_(features) {}
  QueueSetup setup_;
  RingFeatures features_;
};

}  // namespace vmm::virtio
