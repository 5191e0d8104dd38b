// A virtio-pci function with a test's own device, its RAM, and what a driver does with its
// registers.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <functional>
#include <future>
#include <optional>

#include "tests/support/fake_router.h"
#include "tests/support/virtio_driver.h"
#include "vmm/pci/registers.h"
#include "vmm/virtio/transport/pci_layout.h"
#include "vmm/virtio/virtio_pci.h"

namespace test {

// Copies what it reads to what it writes; with `hold`, not before Release.
class EchoDevice final : public vmm::virtio::Device {
 public:
  EchoDevice() {
    model_.kind = {99, 0xff0000};
    model_.queue_sizes = {16, 16};
    model_.config = {std::byte{0x11}, std::byte{0x22}, std::byte{0x33}, std::byte{0x44}};
    model_.packed = true;
  }
  const vmm::virtio::DeviceModel& model() const override { return model_; }
  base::Status Start(uint64_t negotiated, vmm::EventLoop&) override {
    features = negotiated;
    return {};
  }
  bool Wants(vmm::virtio::Worker&) override {
    if (asked) asked();
    return true;
  }
  void Handle(vmm::virtio::Worker& worker, const vmm::virtio::Chain& chain) override {
    ++handled;
    if (hold) {
      held_.emplace_back(&worker, chain);
    } else {
      Finish(worker, chain);
    }
  }
  void Submit() override {
    if (submitted) submitted();
  }
  // On the I/O thread.
  void Release() {
    for (auto& [worker, chain] : held_) Finish(*worker, chain);
    for (auto& [worker, chain] : held_) worker->Show();
    held_.clear();
  }

  std::atomic<bool> hold{false};
  std::atomic<unsigned> handled{0};
  std::atomic<uint64_t> features{0};
  // On the I/O thread; set before the first kick.
  std::function<void()> submitted, asked;

 private:
  static void Finish(vmm::virtio::Worker& worker, const vmm::virtio::Chain& chain) {
    std::vector<std::byte> bytes(vmm::virtio::TotalSize(chain.readable));
    const bool copied = CopyFrom(worker.ram(), chain.readable, 0, bytes) &&
                        CopyTo(worker.ram(), chain.writable, 0, bytes);
    worker.Finish(chain, copied ? static_cast<uint32_t>(bytes.size()) : 0);
  }
  vmm::virtio::DeviceModel model_;
  std::vector<std::pair<vmm::virtio::Worker*, vmm::virtio::Chain>> held_;
};

// Comes true within a time that no test uses up.
template <class Condition>
bool Eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

class VirtioFunction : public testing::Test {
 protected:
  using Width = vmm::Width;
  static constexpr uint64_t kBase = 0x100000;
  static constexpr uint64_t kData = kBase + 0x40000;
  static constexpr uint64_t kVersion1 = vmm::virtio::feature::kVersion1;

  VirtioFunction() {
    auto io = vmm::virtio::IoThread::Create();
    EXPECT_TRUE(io.has_value());
    io_ = std::move(*io);
  }
  void Make(std::unique_ptr<vmm::virtio::Device> device) {
    auto function = vmm::virtio::VirtioPci::Create(
        {"virtio test", 20, broken_, [this] { ++resets_; }}, std::move(device), ram_, *io_);
    ASSERT_TRUE(function.has_value()) << function.error().message();
    function_ = std::move(*function);
    ASSERT_TRUE(function_->Connect(router_).has_value());
    SetCommand(vmm::pci::kCommandMemory | vmm::pci::kCommandMaster);
  }
  void TearDown() override {
    if (function_) function_->Disconnect();
    function_.reset();
    io_.reset();
  }

  // As a processor does it: it waits for what it has begun.
  void SetCommand(uint32_t bits) {
    function_->WriteConfig(4, Width::k2, bits);
    if (const auto wait = function_->Waiting()) wait();
  }
  uint64_t Read(uint64_t offset, Width width) { return function_->ReadBar(offset, width); }
  void Write(uint64_t offset, Width width, uint64_t value) {
    function_->WriteBar(offset, width, value);
  }
  uint8_t Status() { return static_cast<uint8_t>(Read(20, Width::k1)); }
  void SetStatus(uint8_t value) { Write(20, Width::k1, value); }
  void Kick(uint16_t queue) { Write(0x3000 + 4 * queue, Width::k2, queue); }

  void Negotiate(uint64_t features) {
    for (const unsigned word : {0u, 1u}) {
      Write(8, Width::k4, word);
      Write(12, Width::k4, features >> (32 * word) & 0xffffffff);
    }
  }
  // The rings of one queue are those of the driver.
  void SetUpQueue(uint16_t queue, uint16_t vector) {
    const vmm::virtio::QueueSetup setup = driver_->setup();
    Write(22, Width::k2, queue);
    Write(24, Width::k2, setup.size);
    Write(26, Width::k2, vector);
    Write(32, Width::k4, setup.descriptors);
    Write(36, Width::k4, 0);
    Write(40, Width::k4, setup.driver);
    Write(44, Width::k4, 0);
    Write(48, Width::k4, setup.device);
    Write(52, Width::k4, 0);
    Write(28, Width::k2, 1);
  }
  // MSI-X on, with all vectors unmasked.
  void EnableMsix(unsigned vectors) {
    for (unsigned v = 0; v < vectors; ++v) {
      const uint64_t at = vmm::virtio::kTablePlace + 16 * v;
      Write(at, Width::k4, 0xfee00000);
      Write(at + 8, Width::k4, 0x40 + v);
      Write(at + 12, Width::k4, 0);
    }
    function_->WriteConfig(vmm::virtio::kMsixCapability + 2, Width::k2, 0x8000);
  }
  // As Linux does it, with queue 0 alone.
  void Start(vmm::virtio::RingFeatures features, uint16_t size = 16) {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    driver_.emplace(bytes_, kBase, size, features);
    SetStatus(0);
    SetStatus(1);
    SetStatus(3);
    Negotiate(kVersion1 | vmm::virtio::feature::kRingReset | features_ |
              (features.packed ? vmm::virtio::feature::kRingPacked : 0) |
              (features.indirect ? vmm::virtio::feature::kIndirect : 0) |
              (features.event_idx ? vmm::virtio::feature::kEventIdx : 0));
    SetStatus(11);
    ASSERT_EQ(Status(), 11);
    EnableMsix(3);
    Write(16, Width::k2, 0);
    SetUpQueue(0, 1);
    SetStatus(15);
  }
  // The event that KVM has for a vector: ready when an interrupt came.
  int EventOf(uint32_t data) {
    for (const auto& [gsi, message] : router_.routes) {
      if (message.data != data) continue;
      for (const auto& connect : router_.connects) {
        if (connect.gsi == gsi) return connect.event;
      }
    }
    return -1;
  }
  static bool TakeInterrupt(int event, int milliseconds = 20000) {
    pollfd poll{event, POLLIN, 0};
    uint64_t count = 0;
    return ::poll(&poll, 1, milliseconds) == 1 &&
           ::read(event, &count, sizeof count) == sizeof count;
  }
  // Runs it on the I/O thread and waits for it.
  void OnIo(const std::function<void()>& function) {
    std::promise<void> done;
    io_->loop().Post([&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }

  std::vector<std::byte> bytes_ = std::vector<std::byte>(0x80000);
  vmm::virtio::GuestRam ram_{{{kBase, bytes_}}};
  std::optional<VirtioDriver> driver_;
  FakeRouter router_;
  std::unique_ptr<vmm::virtio::IoThread> io_;
  std::shared_ptr<vmm::virtio::VirtioPci> function_;
  uint64_t features_ = 0;  // of the device's own, for Start
  std::function<void(uint16_t queue, std::string_view reason)> broken_;
  std::atomic<unsigned> resets_{0};  // that have ended
};

}  // namespace test
