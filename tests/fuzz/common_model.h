// The common configuration of a virtio-pci device once more, as a list of fields (virtio 1.2,
// 4.1.4.3): what each access should do.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "vmm/virtio/transport/common_config.h"

namespace test {

class CommonModel {
 public:
  using Effect = vmm::virtio::RegisterEffect;
  using Width = vmm::Width;
  struct Queue {
    uint16_t most = 0;
    uint16_t size = 0;
    uint16_t vector = vmm::virtio::kNoVector;
    uint64_t addresses[3] = {};
    bool enabled = false;
    bool resetting = false;
    bool renewed = false;  // by its own reset
  };
  // Where a driver's registers are, and how many bytes each has.
  struct Register {
    uint64_t at;
    vmm::Width width;
  };
  static constexpr std::array kRegisters = {
      Register{0, Width::k4},  Register{8, Width::k4},  Register{12, Width::k4},
      Register{16, Width::k2}, Register{20, Width::k1}, Register{22, Width::k2},
      Register{24, Width::k2}, Register{26, Width::k2}, Register{28, Width::k2},
      Register{32, Width::k8}, Register{40, Width::k8}, Register{48, Width::k8},
      Register{32, Width::k4}, Register{36, Width::k4}, Register{44, Width::k4},
      Register{52, Width::k4}, Register{58, Width::k2}};

  CommonModel(const vmm::virtio::DeviceModel& device, unsigned vectors)
      : offered_(device.features | 1ull << 28 | 1ull << 29 | 1ull << 32 | 1ull << 40 |
                 (device.packed ? 1ull << 34 : 0)),
        needs_(device.needs),
        vectors_(vectors) {
    for (const uint16_t size : device.queue_sizes) queues_.push_back({size, size});
  }

  uint64_t offered() const { return offered_; }
  uint64_t features() const { return features_; }
  bool driver_ok() const { return (status_ & 4) != 0; }
  uint16_t selected() const { return select_; }
  const std::vector<Queue>& queues() const { return queues_; }
  void SetNeedsReset() { status_ |= 0x40; }

  // All registers, and zeroes behind them.
  std::array<std::byte, 128> Image() const {
    std::array<std::byte, 128> image{};
    for (const auto& [at, size, value] : Fields()) std::memcpy(&image[at], &value, size);
    return image;
  }
  uint64_t Read(uint64_t offset, Width width) const {
    const auto image = Image();
    uint64_t value = 0;
    if (offset < 64) std::memcpy(&value, &image[offset], static_cast<size_t>(width));
    return value;
  }

  Effect Write(uint64_t offset, Width width, uint64_t value) {
    const auto is = [&](uint64_t at, Width natural) { return offset == at && width == natural; };
    const bool takes = driver_word_ < 2 && (status_ & 8) == 0;
    if (is(0, Width::k4)) device_word_ = value;
    if (is(8, Width::k4)) driver_word_ = value;
    if (is(12, Width::k4) && takes) SetWord(features_, driver_word_, value);
    if (is(16, Width::k2)) vector_ = Vector(value);
    if (is(20, Width::k1)) return WriteStatus(static_cast<uint8_t>(value));
    if (is(22, Width::k2)) select_ = static_cast<uint16_t>(value);
    return select_ < queues_.size() ? WriteQueue(queues_[select_], offset, width, value) : Effect{};
  }
  void Reset() {
    for (Queue& queue : queues_) queue = {queue.most, queue.most};
    device_word_ = driver_word_ = features_ = 0;
    vector_ = vmm::virtio::kNoVector;
    select_ = 0;
    status_ = 0;
  }
  void FinishQueueReset(size_t index) {
    if (index >= queues_.size() || !queues_[index].resetting) return;
    const uint16_t most = queues_[index].most;
    queues_[index] = {most, most};
    queues_[index].renewed = true;
  }
  void ChangeConfig() { changed_ = true; }
  void ReadConfig() {
    if (std::exchange(changed_, false)) ++generation_;
  }

 private:
  struct Field {
    uint64_t at;
    unsigned size;
    uint64_t value;
  };
  std::array<Field, 17> Fields() const {
    const bool there = select_ < queues_.size();
    const Queue queue = there ? queues_[select_] : Queue{};
    return {{{0, 4, device_word_},
             {4, 4, Word(offered_, device_word_)},
             {8, 4, driver_word_},
             {12, 4, Word(features_, driver_word_)},
             {16, 2, vector_},
             {18, 2, queues_.size()},
             {20, 1, status_},
             {21, 1, generation_},
             {22, 2, select_},
             {24, 2, queue.size},
             {26, 2, queue.vector},
             {28, 2, queue.enabled},
             {30, 2, there ? select_ : 0u},
             {32, 8, queue.addresses[0]},
             {40, 8, queue.addresses[1]},
             {48, 8, queue.addresses[2]},
             {58, 2, queue.resetting}}};
  }
  static uint64_t Word(uint64_t of, uint64_t index) {
    return index == 0 ? of & 0xffffffff : index == 1 ? of >> 32 : 0;
  }
  static void SetWord(uint64_t& of, uint64_t index, uint64_t value) {
    of = index == 0 ? (of >> 32 << 32) | value : (of & 0xffffffff) | value << 32;
  }
  uint16_t Vector(uint64_t value) const {
    return value < vectors_ ? static_cast<uint16_t>(value) : vmm::virtio::kNoVector;
  }
  bool AreGood(uint64_t features) const {
    for (const auto& [feature, needs] : needs_) {
      if ((features & feature) != 0 && (~features & needs) != 0) return false;
    }
    return (features & ~offered_) == 0 && (features >> 32 & 1) != 0;
  }

  Effect WriteStatus(uint8_t value) {
    if (value == 0) return {Effect::Kind::kReset};
    const bool was_ok = driver_ok();
    status_ = static_cast<uint8_t>(status_ | (value & 0xb3));
    if ((value & 8) != 0 && AreGood(features_)) status_ |= 8;
    if ((value & 4) != 0 && (status_ & 8) != 0) status_ |= 4;
    return {driver_ok() && !was_ok ? Effect::Kind::kStart : Effect::Kind::kNone};
  }

  Effect WriteQueue(Queue& queue, uint64_t offset, Width width, uint64_t value) {
    const bool half = width == Width::k2;
    if (offset == 26 && half) queue.vector = Vector(value);
    if (offset == 58 && half && value == 1 && (features_ >> 40 & 1) != 0 && driver_ok() &&
        queue.enabled && !queue.resetting) {
      queue.resetting = true;
      return {Effect::Kind::kQueueReset, select_};
    }
    const bool frozen = driver_ok() && (queue.enabled || !queue.renewed);
    if (frozen || queue.resetting) return {};
    const bool fits = value != 0 && value <= queue.most &&
                      ((features_ >> 34 & 1) != 0 || std::has_single_bit(value));
    if (offset == 24 && half && fits) queue.size = static_cast<uint16_t>(value);
    if (offset >= 32 && offset < 56) {
      uint64_t& address = queue.addresses[(offset - 32) / 8];
      if (width == Width::k8 && offset % 8 == 0) address = value;
      if (width == Width::k4 && offset % 4 == 0) SetWord(address, offset / 4 % 2, value);
    }
    if (offset != 28 || !half || value != 1) return {};
    queue.enabled = true;
    return driver_ok() ? Effect{Effect::Kind::kQueueStart, select_} : Effect{};
  }

  const uint64_t offered_;
  const std::vector<vmm::virtio::FeatureNeed> needs_;
  const unsigned vectors_;
  std::vector<Queue> queues_;
  uint64_t device_word_ = 0;
  uint64_t driver_word_ = 0;
  uint64_t features_ = 0;
  uint16_t vector_ = vmm::virtio::kNoVector;
  uint16_t select_ = 0;
  uint8_t status_ = 0;
  uint8_t generation_ = 0;
  bool changed_ = false;
};

}  // namespace test
