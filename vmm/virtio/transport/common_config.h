// The common configuration of a virtio-pci device as its guest reads and writes it (virtio 1.2,
// 4.1.4.3), without anything behind it.
//
// Reads are slices of one little-endian image, of any width at any place; zero lies behind its end.
// Writes count when they hit one register exactly, or both halves of an address; all else is
// ignored. Status bits are only added, in any order and number (firmware sets several at once, and
// sets its queues up before it negotiates features); writing zero is a reset, which the owner
// performs: the registers change with Reset. What a queue is may be written until DRIVER_OK, and
// again after a reset of that queue.
//
// A value; the owner locks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vmm/io.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/queue/active_queue.h"

namespace vmm::virtio {

inline constexpr uint16_t kNoVector = 0xffff;
inline constexpr uint32_t kCommonConfigBytes = 60;  // to queue_reset
inline constexpr uint64_t kQueueVectorOffset = 26;

namespace status {
inline constexpr uint8_t kAcknowledge = 1;
inline constexpr uint8_t kDriver = 2;
inline constexpr uint8_t kDriverOk = 4;
inline constexpr uint8_t kFeaturesOk = 8;
inline constexpr uint8_t kNeedsReset = 64;
inline constexpr uint8_t kFailed = 128;
}  // namespace status

struct QueueRegisters {
  uint16_t most = 0;  // entries
  QueueSetup setup;
  uint16_t vector = kNoVector;
  bool enabled = false;
  bool resetting = false;
  bool was_reset = false;  // since DRIVER_OK: may be set up anew
};

// What the owner has to do about a write.
struct RegisterEffect {
  enum class Kind : uint8_t { kNone, kReset, kStart, kQueueReset, kQueueStart };
  Kind kind = Kind::kNone;
  uint16_t queue = 0;
  bool operator==(const RegisterEffect&) const = default;
};

class CommonConfig {
 public:
  CommonConfig(const DeviceModel& model, unsigned vectors);

  uint64_t Read(uint64_t offset, Width width) const;
  RegisterEffect Write(uint64_t offset, Width width, uint64_t value);
  void Reset();
  // queue_reset is over.
  void FinishQueueReset(uint16_t queue);

  uint8_t device_status() const { return status_; }
  bool driver_ok() const { return (status_ & status::kDriverOk) != 0; }
  uint64_t features() const { return driver_features_; }
  RingFeatures ring_features() const;
  void SetNeedsReset() { status_ |= status::kNeedsReset; }

  uint16_t config_vector() const { return config_vector_; }
  std::span<const QueueRegisters> queues() const { return queues_; }

  // The device's configuration has changed: the guest sees another generation when it reads it
  // next, however often it changes until then.
  void NoteChange() { changed_ = true; }
  void NoteConfigRead();

 private:
  RegisterEffect WriteStatus(uint8_t value);
  RegisterEffect WriteQueue(uint64_t offset, Width width, uint64_t value);
  void WriteAddress(uint64_t offset, Width width, uint64_t value);
  void WriteFeatures(uint32_t value);
  bool AcceptsFeatures() const;
  uint16_t Vector(uint64_t value) const;
  QueueRegisters* Selected();
  const QueueRegisters* Selected() const;
  bool MaySetUp(const QueueRegisters& queue) const;

  const uint64_t offered_;
  const std::vector<FeatureNeed> needs_;
  const unsigned vectors_;
  std::vector<QueueRegisters> queues_;
  uint32_t device_select_ = 0;
  uint32_t driver_select_ = 0;
  uint64_t driver_features_ = 0;
  uint16_t config_vector_ = kNoVector;
  uint16_t queue_select_ = 0;
  uint8_t status_ = 0;
  uint8_t generation_ = 0;
  bool changed_ = false;
};

}  // namespace vmm::virtio
