// A network device, a console and a balloon between a guest that writes anything anywhere, also
// between two reads of the device, and a host that fails in every way: bounded work, no frame is
// sent over one that is kept, nothing but RAM is reached.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "tests/fuzz/ram_block.h"
#include "tests/support/fake_dma_space.h"
#include "tests/support/virtio_driver.h"
#include "vmm/virtio/balloon/balloon.h"
#include "vmm/virtio/console/console.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/worker.h"

namespace test::virtio_devices {

using namespace vmm::virtio;  // NOLINT: a test's own

inline constexpr uint64_t kBase = 0x40000000;
inline constexpr uint64_t kQueueBytes = 0x14000;
inline constexpr uint64_t kQueues = 5;
inline constexpr uint64_t kData = kBase + kQueues * kQueueBytes;
inline constexpr uint64_t kRamBytes = kQueues * kQueueBytes + 0x20000;
inline constexpr uint16_t kSize = 16;

// The host's side by the same input: never readable, always writable.
template <class Input>
class HostilePort final : public NetPort {
 public:
  explicit HostilePort(Input& input) : input_(&input) {}
  bool connected() const override { return connected_; }
  const base::Fd* readable() const override { return connected_ ? &quiet_.fd() : nullptr; }
  const base::Fd* writable() const override { return connected_ ? &ready_.fd() : nullptr; }
  Sent Send(const NetHeader& header, std::span<const iovec> frame) override {
    EXPECT_FALSE(kept_);
    EXPECT_EQ(header.buffers, 0);
    size_t size = 0;
    for (const iovec& one : frame) {
      const auto* const bytes = static_cast<const volatile std::byte*>(one.iov_base);
      for (size_t i = 0; i < one.iov_len; i += 512) sum_ += std::to_integer<unsigned>(bytes[i]);
      size += one.iov_len;
    }
    EXPECT_LE(size, kMostFrame);
    return connected_ ? Pick() : Sent::kDropped;
  }
  Sent Flush() override {
    kept_ = false;
    return Pick();
  }
  Received Receive(NetFrame& frame) override {
    switch (input_->template ConsumeIntegralInRange<int>(0, 3)) {
      case 0:
        return Received::kNothing;
      case 1:
        if (input_->template ConsumeIntegral<uint8_t>() != 0) return Received::kNothing;
        connected_ = !connected_;
        kept_ = false;
        return Received::kChanged;
      default:
        frame.header = {input_->template ConsumeIntegral<uint8_t>(),
                        input_->template ConsumeIntegralInRange<uint8_t>(0, 5)};
        frame.bytes = std::span(bytes_).first(
            input_->template ConsumeIntegralInRange<size_t>(0, bytes_.size()));
        return Received::kFrame;
    }
  }

 private:
  Sent Pick() {
    const auto result = static_cast<Sent>(input_->template ConsumeIntegralInRange<int>(0, 3));
    kept_ = result == Sent::kKept;
    return result;
  }
  Input* input_;
  bool connected_ = true;
  bool kept_ = false;
  unsigned sum_ = 0;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(2000);
  base::EventFd quiet_ = std::move(*base::EventFd::Create());
  base::EventFd ready_ = std::move(*base::EventFd::Create());
};

// A device with workers for all its queues, whose kicks the game hands out.
template <class Input>
class Stage {
 public:
  Stage(Input& input, Device& device, uint64_t features)
      : input_(&input), device_(&device), features_(features), loop_(MakeLoop()) {
    device.Attach([](std::span<const std::byte>) {});
    wiring_.counters = &counters_;
    wiring_.interrupt = [](uint16_t) {};
    wiring_.broken = [this](uint16_t queue, QueueFault) { broken_ = queue; };
    for (size_t i = 0; i < device.model().queue_sizes.size(); ++i) {
      kicks_.push_back(std::move(*base::EventFd::Create()));
    }
    ram_.SetReadHook([this] {
      if (awake_ && input_->template ConsumeIntegral<uint8_t>() < 4) Poke();
    });
    Restart();
  }
  ~Stage() { End(); }

  bool Step() {
    const auto queue = input_->template ConsumeIntegralInRange<uint16_t>(
        0, static_cast<uint16_t>(workers_.size() - 1));
    switch (input_->template ConsumeIntegralInRange<int>(0, 7)) {
      case 0:
        Poke();
        break;
      case 1:
        if (input_->template ConsumeIntegral<uint8_t>() < 32) Restart();
        break;
      case 2:
        awake_ = true;
        loop_->Post([this] { loop_->Stop(); });
        EXPECT_TRUE(loop_->Run().has_value());
        awake_ = false;
        break;
      case 3:
        workers_[queue]->Pause([] {});
        device_->LetGo();
        workers_[queue]->Resume();
        break;
      default:
        Add(queue);
        Go(queue);
        break;
    }
    if (broken_) Restart();
    return input_->remaining_bytes() > 0 && !testing::Test::HasFailure();
  }
  // Numbers that follow one another, all over the data; at their end they begin anew.
  void WriteNumbers(std::span<const uint32_t> numbers, size_t first) {
    auto room = std::span(bytes_).subspan(kData - kBase);
    while (!room.empty()) {
      const auto some = std::as_bytes(numbers.subspan(first));
      const size_t size = std::min(some.size(), room.size());
      std::memcpy(room.data(), some.data(), size);
      room = room.subspan(size);
      first = 0;
    }
  }
  void Go(uint16_t queue) {
    awake_ = true;
    const uint64_t before = counters_.requests.load();
    workers_[queue]->Go();
    EXPECT_LE(counters_.requests.load() - before, kSize);
    awake_ = false;
  }

 private:
  static std::unique_ptr<vmm::EventLoop> MakeLoop() { return std::move(*vmm::EventLoop::Create()); }
  void End() {
    for (auto& worker : workers_) {
      if (!worker) continue;
      bool idle = false;
      worker->End([&idle] { idle = true; });
      device_->LetGo();
      EXPECT_TRUE(idle) << "the device holds a request";
      device_->OnQueueEnd(worker->index());
      worker.reset();
    }
    if (!workers_.empty()) device_->Stop();
  }
  void Restart() {
    End();
    broken_.reset();
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    EXPECT_TRUE(device_->Start(features_, *loop_).has_value());
    workers_.resize(kicks_.size());
    drivers_.resize(kicks_.size());
    for (uint16_t i = 0; i < kicks_.size(); ++i) {
      const uint64_t at = i * kQueueBytes;
      const RingFeatures rings{false, true, true};
      drivers_[i].emplace(std::span(bytes_).subspan(at), kBase + at, kSize, rings);
      const auto queue = ActiveQueue::Check(drivers_[i]->setup(), rings, ram_);
      ASSERT_TRUE(queue.has_value());
      workers_[i] = std::make_unique<Worker>(i, *queue, ram_, *device_, kicks_[i], wiring_);
      device_->OnQueueStart(*workers_[i]);
      EXPECT_TRUE(workers_[i]->Start(*loop_).has_value());
    }
  }
  void Add(uint16_t queue) {
    std::vector<VirtioDriver::Piece> pieces;
    const auto count = input_->template ConsumeIntegralInRange<size_t>(1, 4);
    const auto readable = input_->template ConsumeIntegralInRange<size_t>(0, count);
    for (size_t i = 0; i < count; ++i) {
      const bool inside = input_->template ConsumeIntegral<uint8_t>() != 0;
      const uint64_t at = inside
                              ? kData + input_->template ConsumeIntegralInRange<uint64_t>(0, 0x1000)
                              : input_->template ConsumeIntegral<uint64_t>();
      const auto size = input_->ConsumeBool()
                            ? input_->template ConsumeIntegralInRange<uint32_t>(0, 40)
                            : input_->template ConsumeIntegralInRange<uint32_t>(0, 0x11000);
      pieces.push_back({at, size, i >= readable});
    }
    drivers_[queue]->Add(pieces, 1, input_->ConsumeBool());
    while (drivers_[queue]->Reap()) {
    }
  }
  // Small numbers, as commands and indices are, or any; in a ring or in the data.
  void Poke() {
    const bool data = input_->ConsumeBool();
    const uint64_t at =
        data ? kData + input_->template ConsumeIntegralInRange<uint64_t>(0, 0x1000)
             : kBase + input_->template ConsumeIntegralInRange<uint64_t>(0, kQueueBytes * kQueues);
    const uint8_t small = input_->template ConsumeIntegralInRange<uint8_t>(0, 5);
    bytes_[at - kBase] = static_cast<std::byte>(
        input_->ConsumeBool() ? small : input_->template ConsumeIntegral<uint8_t>());
  }

  Input* input_;
  Device* device_;
  const uint64_t features_;
  bool awake_ = false;
  std::optional<uint16_t> broken_;
  RamBlock bytes_{kRamBytes};
  GuestRam ram_{{{kBase, std::span(bytes_).first(kRamBytes - 0x10000)},
                 {kBase + kRamBytes - 0x10000, std::span(bytes_).subspan(kRamBytes - 0x10000)}}};
  std::unique_ptr<vmm::EventLoop> loop_;
  DeviceCounters counters_;
  RunnerWiring wiring_;
  std::vector<base::EventFd> kicks_;
  std::vector<std::optional<VirtioDriver>> drivers_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

template <class Input>
void PlayNet(Input& input) {
  NetShape shape;
  shape.offloads = true;
  shape.pairs = 2;
  std::vector<std::unique_ptr<NetPort>> ports;
  for (unsigned i = 0; i < shape.pairs; ++i) {
    ports.push_back(std::make_unique<HostilePort<Input>>(input));
  }
  Net net("game", shape, std::move(ports));
  const uint64_t features = net.model().features & input.template ConsumeIntegral<uint64_t>();
  Stage<Input> stage(input, net, features);
  while (stage.Step()) {
    EXPECT_GE(net.state().pairs, 1u);
    EXPECT_LE(net.state().pairs, shape.pairs);
    EXPECT_EQ(net.state().offloads & ~features, 0u);
  }
}

template <class Input>
void PlayConsole(Input& input) {
  auto console =
      Console::Create({base::Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC)), "game", 80, 25});
  ASSERT_TRUE(console.has_value());
  Stage<Input> stage(input, **console, 0);
  while (stage.Step()) {
    const std::vector<uint8_t> typed(input.template ConsumeIntegralInRange<size_t>(0, 100));
    EXPECT_LE((*console)->Input(typed), typed.size());
    (*console)->WriteConfig(input.template ConsumeIntegralInRange<uint64_t>(0, 16), vmm::Width::k4,
                            input.template ConsumeIntegral<uint8_t>());
    stage.Go(0);
  }
}

// Memory that is mapped for DMA is never discarded; whatever the guest does and fails on the host,
// in the end all is mapped.
template <class Input>
void PlayBalloon(Input& input) {
  constexpr std::array kRam = {base::Range{0, 4 * base::kMiB},
                               base::Range{8 * base::kMiB, base::kMiB}};
  constexpr uint32_t kBelow = 2400;  // pages, some of them no RAM
  static const std::vector<uint32_t> pages = [] {
    std::vector<uint32_t> numbers(kBelow);
    std::iota(numbers.begin(), numbers.end(), 0u);
    return numbers;
  }();
  auto memory = vmm::GuestMemory::Create(kRam);
  ASSERT_TRUE(memory.has_value());
  FakeDmaSpace space;
  space.memory = &*memory;
  vmm::DmaRam ram(*memory, 2 * base::kMiB, [&](std::span<std::byte> bytes) -> base::Status {
    for (const auto& block : memory->blocks()) {
      const auto all = block.mapping.bytes();
      if (bytes.data() < all.data() || bytes.data() >= all.data() + all.size()) continue;
      const uint64_t at = block.base.value + static_cast<uint64_t>(bytes.data() - all.data());
      EXPECT_FALSE(space.IsMapped({at, bytes.size()}));
    }
    return {};
  });
  BalloonShape shape;
  shape.reporting = input.ConsumeBool();
  unsigned lost = 0;
  Balloon::Wiring wiring;
  wiring.lost = [&](const base::Error&) { ++lost; };
  Balloon balloon(shape, ram, wiring);
  bool devices = false;
  {
    const uint64_t features = balloon.model().features & input.template ConsumeIntegral<uint64_t>();
    Stage<Input> stage(input, balloon, features);
    while (stage.Step()) {
      const auto luck = input.template ConsumeIntegralInRange<int>(0, 15);
      space.map_error = luck == 0 ? ENOMEM : 0;
      space.unmap_error = luck == 1 ? EBUSY : 0;
      if (luck > 11)
        stage.WriteNumbers(pages, input.template ConsumeIntegralInRange<size_t>(0, kBelow - 1));
      if (luck == 2) balloon.AskForStatistics();
      if (luck == 3) {
        balloon.WriteConfig(input.template ConsumeIntegralInRange<uint64_t>(0, 16), vmm::Width::k4,
                            input.template ConsumeIntegral<uint8_t>());
      }
      if (luck == 4 && devices) {
        ram.Forget();
        space.maps.clear();
        ram.DiscardRest();
        devices = false;
      } else if (luck == 5 && !devices) {
        EXPECT_TRUE(ram.MapInto(space).has_value());
        devices = true;
      }
      EXPECT_LE(ram.state().reclaimed, memory->size());
    }
    space.map_error = 0;
  }
  EXPECT_TRUE(!devices || space.maps.size() == 3);
  EXPECT_EQ(ram.state().reclaimed, 0u);
}

}  // namespace test::virtio_devices
