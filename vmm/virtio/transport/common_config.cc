#include "vmm/virtio/transport/common_config.h"

#include <algorithm>
#include <array>
#include <bit>

#include "sysfs/base/bits.h"

namespace vmm::virtio {
namespace {

using Effect = RegisterEffect::Kind;

// struct virtio_pci_common_cfg (4.1.4.3).
enum Register : uint64_t {
  kDeviceFeatureSelect = 0,
  kDeviceFeature = 4,
  kDriverFeatureSelect = 8,
  kDriverFeature = 12,
  kConfigVector = 16,
  kNumQueues = 18,
  kStatus = 20,
  kGeneration = 21,
  kQueueSelect = 22,
  kQueueSize = 24,
  kQueueVector = kQueueVectorOffset,
  kQueueEnable = 28,
  kQueueNotifyOffset = 30,
  kQueueAddresses = 32,  // three of eight bytes
  kQueueReset = 58,
};

uint64_t Offered(const DeviceModel& model) {
  return model.features | feature::kIndirect | feature::kEventIdx | feature::kVersion1 |
         feature::kRingReset | (model.packed ? feature::kRingPacked : 0);
}

// Two words of 32 bits; all others are zero and ignore writes.
uint32_t Word(uint64_t features, uint32_t select) {
  return select < 2 ? static_cast<uint32_t>(features >> (32 * select)) : 0;
}

void SetHalf(uint64_t& address, bool high, uint64_t value) {
  const unsigned shift = high ? 32 : 0;
  address = (address & ~(uint64_t{0xffffffff} << shift)) | (value & 0xffffffff) << shift;
}

}  // namespace

CommonConfig::CommonConfig(const DeviceModel& model, unsigned vectors)
    : offered_(Offered(model)), needs_(model.needs), vectors_(vectors) {
  for (const uint16_t size : model.queue_sizes) queues_.push_back({size, {}, kNoVector});
  Reset();
}

void CommonConfig::Reset() {
  for (QueueRegisters& queue : queues_) {
    queue = QueueRegisters{queue.most, {}, kNoVector};
    queue.setup.size = queue.most;
  }
  device_select_ = driver_select_ = 0;
  driver_features_ = 0;
  config_vector_ = kNoVector;
  queue_select_ = 0;
  status_ = 0;
}

void CommonConfig::FinishQueueReset(uint16_t index) {
  if (index >= queues_.size() || !queues_[index].resetting) return;
  QueueRegisters& queue = queues_[index];
  queue = QueueRegisters{queue.most, {}, kNoVector};
  queue.setup.size = queue.most;
  queue.was_reset = true;
}

RingFeatures CommonConfig::ring_features() const {
  return {(driver_features_ & feature::kRingPacked) != 0,
          (driver_features_ & feature::kIndirect) != 0,
          (driver_features_ & feature::kEventIdx) != 0};
}

void CommonConfig::NoteConfigRead() {
  if (changed_) ++generation_;
  changed_ = false;
}

const QueueRegisters* CommonConfig::Selected() const {
  return queue_select_ < queues_.size() ? &queues_[queue_select_] : nullptr;
}
QueueRegisters* CommonConfig::Selected() {
  return queue_select_ < queues_.size() ? &queues_[queue_select_] : nullptr;
}

uint64_t CommonConfig::Read(uint64_t offset, Width width) const {
  std::array<std::byte, kCommonConfigBytes + 12> image{};
  const auto put = [&](uint64_t at, auto value) { base::StoreLe(image, at, value); };
  put(kDeviceFeatureSelect, device_select_);
  put(kDeviceFeature, Word(offered_, device_select_));
  put(kDriverFeatureSelect, driver_select_);
  put(kDriverFeature, Word(driver_features_, driver_select_));
  put(kConfigVector, config_vector_);
  put(kNumQueues, static_cast<uint16_t>(queues_.size()));
  put(kStatus, status_);
  put(kGeneration, generation_);
  put(kQueueSelect, queue_select_);
  put(kQueueVector, kNoVector);
  if (const QueueRegisters* const queue = Selected()) {
    put(kQueueSize, queue->setup.size);
    put(kQueueVector, queue->vector);
    put(kQueueEnable, static_cast<uint16_t>(queue->enabled));
    put(kQueueNotifyOffset, queue_select_);
    put(kQueueAddresses, queue->setup.descriptors);
    put(kQueueAddresses + 8, queue->setup.driver);
    put(kQueueAddresses + 16, queue->setup.device);
    put(kQueueReset, static_cast<uint16_t>(queue->resetting));
  }
  if (offset >= kCommonConfigBytes) return 0;
  return base::LoadLe<uint64_t>(image, offset) & AllOnes(width);
}

RegisterEffect CommonConfig::Write(uint64_t offset, Width width, uint64_t value) {
  const auto is = [&](Register reg, Width natural) { return offset == reg && width == natural; };
  if (is(kStatus, Width::k1)) return WriteStatus(static_cast<uint8_t>(value));
  if (is(kDeviceFeatureSelect, Width::k4)) device_select_ = static_cast<uint32_t>(value);
  if (is(kDriverFeatureSelect, Width::k4)) driver_select_ = static_cast<uint32_t>(value);
  if (is(kDriverFeature, Width::k4)) WriteFeatures(static_cast<uint32_t>(value));
  if (is(kConfigVector, Width::k2)) config_vector_ = Vector(value);
  if (is(kQueueSelect, Width::k2)) queue_select_ = static_cast<uint16_t>(value);
  return WriteQueue(offset, width, value);
}

RegisterEffect CommonConfig::WriteStatus(uint8_t value) {
  if (value == 0) return {Effect::kReset};
  const auto added = static_cast<uint8_t>(value & ~status_ & ~status::kNeedsReset);
  status_ |= added & static_cast<uint8_t>(~(status::kFeaturesOk | status::kDriverOk));
  if ((added & status::kFeaturesOk) != 0 && AcceptsFeatures()) status_ |= status::kFeaturesOk;
  if ((added & status::kDriverOk) == 0 || (status_ & status::kFeaturesOk) == 0) return {};
  status_ |= status::kDriverOk;
  return {Effect::kStart};
}

bool CommonConfig::AcceptsFeatures() const {
  const bool whole = std::all_of(needs_.begin(), needs_.end(), [this](const FeatureNeed& one) {
    return (driver_features_ & one.feature) == 0 || (driver_features_ & one.needs) == one.needs;
  });
  return whole && (driver_features_ & ~offered_) == 0 &&
         (driver_features_ & feature::kVersion1) != 0;
}

void CommonConfig::WriteFeatures(uint32_t value) {
  if ((status_ & status::kFeaturesOk) != 0 || driver_select_ > 1) return;
  SetHalf(driver_features_, driver_select_ == 1, value);
}

uint16_t CommonConfig::Vector(uint64_t value) const {
  return value < vectors_ ? static_cast<uint16_t>(value) : kNoVector;
}

bool CommonConfig::MaySetUp(const QueueRegisters& queue) const {
  return !queue.resetting && (!driver_ok() || (queue.was_reset && !queue.enabled));
}

RegisterEffect CommonConfig::WriteQueue(uint64_t offset, Width width, uint64_t value) {
  QueueRegisters* const queue = Selected();
  if (queue == nullptr) return {};
  if (offset == kQueueVector && width == Width::k2) queue->vector = Vector(value);
  if (offset == kQueueReset && width == Width::k2 && value == 1 && queue->enabled &&
      (driver_features_ & feature::kRingReset) != 0 && driver_ok() && !queue->resetting) {
    queue->resetting = true;
    return {Effect::kQueueReset, queue_select_};
  }
  if (!MaySetUp(*queue)) return {};
  if (offset == kQueueSize && width == Width::k2) {
    const bool packed = (driver_features_ & feature::kRingPacked) != 0;
    const bool possible = value != 0 && value <= queue->most &&
                          (packed || std::has_single_bit(static_cast<uint16_t>(value)));
    if (possible) queue->setup.size = static_cast<uint16_t>(value);
  }
  if (offset == kQueueEnable && width == Width::k2 && value == 1) {
    queue->enabled = true;
    if (driver_ok()) return {Effect::kQueueStart, queue_select_};
  }
  WriteAddress(offset, width, value);
  return {};
}

void CommonConfig::WriteAddress(uint64_t offset, Width width, uint64_t value) {
  if (offset < kQueueAddresses || offset >= kQueueAddresses + 24) return;
  QueueSetup& setup = Selected()->setup;
  uint64_t* const all[] = {&setup.descriptors, &setup.driver, &setup.device};
  uint64_t& address = *all[(offset - kQueueAddresses) / 8];
  const uint64_t within = (offset - kQueueAddresses) % 8;
  if (width == Width::k8 && within == 0) address = value;
  if (width == Width::k4 && within % 4 == 0) SetHalf(address, within == 4, value);
}

}  // namespace vmm::virtio
