// A virtqueue between a correct guest and the device's side: what goes in comes out once, and
// nobody sleeps while there is something to do. And the same with a guest that is anything but
// correct: whatever it writes, whenever, costs bounded work and reaches nothing but its RAM.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "tests/fuzz/ram_block.h"
#include "tests/support/virtio_driver.h"
#include "vmm/virtio/queue/queue.h"

namespace test::virtio_queue {

using namespace vmm::virtio;  // NOLINT: a test's own

inline constexpr uint64_t kBase = 0x40000000;
inline constexpr uint64_t kRamBytes = 0x60000;
inline constexpr uint64_t kData = kBase + 0x50000;

template <class Input>
RingFeatures PickFeatures(Input& input) {
  return {input.ConsumeBool(), input.ConsumeBool(), input.ConsumeBool()};
}

// A correct guest. Sleeping is as real threads do it: after arming, and woken by nothing else.
template <class Input>
class Game {
 public:
  explicit Game(Input& input)
      : input_(&input),
        features_(PickFeatures(input)),
        size_(features_.packed ? input.template ConsumeIntegralInRange<uint16_t>(1, 20)
                               : static_cast<uint16_t>(
                                     1u << input.template ConsumeIntegralInRange<unsigned>(0, 5))),
        driver_(bytes_, kBase, size_, features_),
        queue_(*ActiveQueue::Check(driver_.setup(), features_, ram_), ram_) {}

  void Play() {
    while (input_->remaining_bytes() > 0 && !testing::Test::HasFailure()) {
      switch (input_->template ConsumeIntegralInRange<int>(0, 5)) {
        case 0:
        case 1:
          Add();
          break;
        case 2:
          DeviceTakes();
          break;
        case 3:
          DeviceGives();
          break;
        case 4:
          DriverReaps();
          break;
        case 5:
          Kick();
          break;
      }
    }
    Finish();
  }

 private:
  struct Expected {
    Buffers readable;
    Buffers writable;
    uint32_t written = 0;
  };

  void Add() {
    std::vector<VirtioDriver::Piece> pieces;
    Expected expected;
    const auto count = input_->template ConsumeIntegralInRange<size_t>(1, 6);
    const auto readable = input_->template ConsumeIntegralInRange<size_t>(0, count);
    for (size_t i = 0; i < count; ++i) {
      const auto size = input_->template ConsumeIntegralInRange<uint32_t>(0, 600);
      const uint64_t address = kData + input_->template ConsumeIntegralInRange<uint64_t>(0, 0x4000);
      pieces.push_back({address, size, i >= readable});
      if (size != 0)
        (i < readable ? expected.readable : expected.writable).push_back({address, size});
    }
    if (driver_.Add(pieces, next_token_, input_->ConsumeBool()))
      expected_[next_token_++] = expected;
  }

  // An event: it stays until the device takes it.
  void Kick() {
    if (driver_.Kick()) kicked_ = true;
  }
  // What the other side does between two steps of this one.
  void Meanwhile() {
    if (!input_->ConsumeBool()) return;
    Add();
    Kick();
  }

  void DeviceTakes() {
    if (device_sleeps_ && !kicked_) return;
    kicked_ = device_sleeps_ = false;
    queue_.Disarm();
    do {
      Chain chain;
      if (queue_.Take(chain) == Taken::kEmpty) break;
      ASSERT_FALSE(queue_.fault()) << FaultText(*queue_.fault());
      const auto& expected = expected_.at(taken_++);  // in the order in which they were added
      ASSERT_EQ(chain.readable, expected.readable);
      ASSERT_EQ(chain.writable, expected.writable);
      held_.push_back({taken_ - 1, chain});
      if (input_->ConsumeBool()) return;  // it goes on later, awake
    } while (true);
    Meanwhile();
    device_sleeps_ = !queue_.Arm();
    Meanwhile();
  }

  void DeviceGives() {
    for (auto count = input_->template ConsumeIntegralInRange<size_t>(0, held_.size()); count > 0;
         --count) {
      const auto which = input_->template ConsumeIntegralInRange<size_t>(0, held_.size() - 1);
      Expected& expected = expected_.at(held_[which].first);
      const auto most = static_cast<uint32_t>(TotalSize(expected.writable));
      expected.written = input_->template ConsumeIntegralInRange<uint32_t>(0, most);
      queue_.Put(held_[which].second, expected.written);
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    if (queue_.Publish()) interrupted_ = true;
  }

  void DriverReaps() {
    if (driver_sleeps_ && !interrupted_) return;
    interrupted_ = driver_sleeps_ = false;
    driver_.Disarm();
    do {
      while (const auto done = driver_.Reap()) {
        ASSERT_EQ(expected_.count(done->token), 1u) << "twice, or never given";
        ASSERT_EQ(done->written, expected_.at(done->token).written);
        expected_.erase(done->token);
      }
      if (input_->ConsumeBool()) DeviceGives();
    } while (driver_.Arm());
    driver_sleeps_ = true;
  }

  // Everything comes to its end by kicks and interrupts alone.
  void Finish() {
    if (testing::Test::HasFailure()) return;
    Kick();
    for (unsigned round = 0; round < 20000 && !expected_.empty(); ++round) {
      FinishDevice();
      if (queue_.Publish()) interrupted_ = true;
      DriverReaps();
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(expected_.empty())
        << "somebody sleeps: device " << device_sleeps_ << ", driver " << driver_sleeps_;
  }
  void FinishDevice() {
    while (!device_sleeps_ || kicked_) {
      kicked_ = false;
      queue_.Disarm();
      Chain chain;
      while (queue_.Take(chain) == Taken::kChain) held_.push_back({taken_++, chain});
      device_sleeps_ = !queue_.Arm();
    }
    for (auto& [token, chain] : held_) queue_.Put(chain, expected_.at(token).written = 0);
    held_.clear();
  }

  Input* input_;
  const RingFeatures features_;
  const uint16_t size_;
  RamBlock bytes_{kRamBytes};
  GuestRam ram_{{{kBase, bytes_}}};
  VirtioDriver driver_;
  Queue queue_;
  std::map<uint64_t, Expected> expected_;  // by token
  std::vector<std::pair<uint64_t, Chain>> held_;
  uint64_t next_token_ = 0;
  uint64_t taken_ = 0;
  bool kicked_ = false;
  bool interrupted_ = false;
  bool device_sleeps_ = false;
  bool driver_sleeps_ = false;
};

template <class Input>
void Play(Input& input) {
  Game<Input>(input).Play();
}

// Bytes and numbers of every kind at every place, also between two reads of the device.
template <class Input>
void PlayHostile(Input& input) {
  const RingFeatures features = PickFeatures(input);
  const auto size = static_cast<uint16_t>(
      features.packed ? input.template ConsumeIntegralInRange<uint16_t>(1, 20) : 16);
  RamBlock bytes(kRamBytes);
  GuestRam ram({{kBase, std::span(bytes).first(kRamBytes / 2)},
                {kBase + kRamBytes / 2, std::span(bytes).subspan(kRamBytes / 2)}});
  VirtioDriver driver(bytes, kBase, size, {features.packed, true, features.event_idx});
  const QueueSetup setup = driver.setup();
  Queue queue(*ActiveQueue::Check(setup, features, ram), ram);
  const auto poke = [&] {
    const uint64_t areas[] = {setup.descriptors, setup.driver, setup.device,
                              kBase + VirtioDriver::kTables};
    const uint64_t area = areas[input.template ConsumeIntegralInRange<size_t>(0, 3)];
    const uint64_t at = area + 2 * input.template ConsumeIntegralInRange<uint64_t>(0, 8u * size);
    const auto small = static_cast<uint16_t>(input.template ConsumeIntegralInRange<uint16_t>(0, 9) |
                                             (input.ConsumeBool() ? 0x80 : 0));
    driver.Store<uint16_t>(
        at, input.ConsumeBool() ? small : input.template ConsumeIntegral<uint16_t>());
  };
  ram.SetReadHook([&] {
    if (input.template ConsumeIntegral<uint8_t>() < 8) poke();
  });
  std::vector<Chain> held;
  const auto give = [&](std::vector<Chain>::iterator one) {
    queue.Put(*one, input.template ConsumeIntegral<uint32_t>());
    held.erase(one);
  };
  while (input.remaining_bytes() > 0) {
    driver.Add({{input.template ConsumeIntegral<uint64_t>(), 64, false}, {kData, 64, true}}, 1,
               input.ConsumeBool());
    for (auto pokes = input.template ConsumeIntegralInRange<int>(0, 2); pokes > 0; --pokes) poke();
    queue.Disarm();
    unsigned taken = 0;
    Chain chain;
    while (taken <= size && queue.Take(chain) == Taken::kChain) {
      ++taken;
      ASSERT_LE(chain.readable.size() + chain.writable.size(), size);
      std::array<std::byte, 64> some{};
      CopyFrom(ram, chain.readable, 0, some);
      CopyTo(ram, chain.writable, 0, some);
      held.push_back(chain);
    }
    ASSERT_LE(queue.in_flight(), size);
    queue.Arm();
    if (!held.empty() && input.ConsumeBool()) give(held.begin());
    queue.Publish();
    // A reset of the queue, as the guest does it next.
    if (queue.fault()) return;
  }
}

}  // namespace test::virtio_queue
