// A device with one queue and its driver, all on one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tests/fuzz/ram_block.h"
#include "tests/fuzz/taken.h"
#include "tests/support/virtio_driver.h"
#include "vmm/virtio/worker.h"

namespace test {

class OneQueue {
 public:
  static constexpr uint64_t kBase = 0x40000000;
  static constexpr uint64_t kData = kBase + 0x12000;  // behind the rings
  static constexpr uint64_t kDataBytes = 0x8000;
  static constexpr uint64_t kEnd = kData + kDataBytes;
  static constexpr uint16_t kSize = 16;

  explicit OneQueue(vmm::virtio::Device& device) : device_(&device) {
    wiring_.counters = &counters_;
    wiring_.interrupt = [](uint16_t) {};
    wiring_.broken = [](uint16_t, vmm::virtio::QueueFault) {
      Check(false, "a correct driver's ring is sound");
    };
  }
  OneQueue(const OneQueue&) = delete;
  OneQueue& operator=(const OneQueue&) = delete;

  void Start(uint64_t features, const vmm::virtio::RingFeatures& rings) {
    const auto ring_bytes = std::span(bytes_).first(kData - kBase);
    std::fill(ring_bytes.begin(), ring_bytes.end(), std::byte{0});
    driver_.emplace(ring_bytes, kBase, kSize, rings);
    Check(device_->Start(features, *loop_).has_value(), "the device starts");
    const auto queue = vmm::virtio::ActiveQueue::Check(driver_->setup(), rings, ram_);
    worker_ =
        std::make_unique<vmm::virtio::Worker>(uint16_t{0}, *queue, ram_, *device_, kick_, wiring_);
    device_->OnQueueStart(*worker_);
    Check(worker_->Start(*loop_).has_value(), "the queue starts");
  }
  bool paused() const { return worker_->paused(); }
  // It pauses, or goes on.
  void TurnPause() {
    paused() ? worker_->Resume() : worker_->Pause([] {});
  }
  // No request is taken any more; the device is to finish what it has, then Drop.
  void End() {
    idle_ = false;
    worker_->End([this] { idle_ = true; });
    device_->LetGo();
  }
  void Drop() {
    Check(idle_, "every request is finished");
    device_->OnQueueEnd(0);
    worker_.reset();
  }
  // What was posted, kicked for or has come due until now.
  void RunLoop() {
    loop_->Post([this] { loop_->Stop(); });
    Check(loop_->Run().has_value(), "the loop runs");
  }

  // Called before each read of the device.
  void SetReadHook(std::function<void()> hook) { ram_.SetReadHook(std::move(hook)); }
  VirtioDriver& driver() { return *driver_; }
  vmm::virtio::Worker& worker() { return *worker_; }
  // The guest's, from kData on.
  std::span<std::byte> data() { return std::span(bytes_).subspan(kData - kBase); }
  std::byte& at(uint64_t address) { return bytes_[address - kBase]; }
  bool IsRam(uint64_t address, uint64_t size) const {
    return Inside(bytes_, address - kBase, size);
  }

 private:
  // Two regions, whose border is like no other.
  static constexpr uint64_t kBorder = kData - kBase + 0x1003;

  vmm::virtio::Device* device_;
  RamBlock bytes_{kEnd - kBase};
  vmm::virtio::GuestRam ram_{{{kBase, std::span(bytes_).first(kBorder)},
                              {kBase + kBorder, std::span(bytes_).subspan(kBorder)}}};
  std::unique_ptr<vmm::EventLoop> loop_ = std::move(*vmm::EventLoop::Create());
  base::EventFd kick_ = std::move(*base::EventFd::Create());
  vmm::virtio::DeviceCounters counters_;
  vmm::virtio::RunnerWiring wiring_;
  bool idle_ = false;
  std::optional<VirtioDriver> driver_;
  std::unique_ptr<vmm::virtio::Worker> worker_;
};

}  // namespace test
