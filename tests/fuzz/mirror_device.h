// A device that gives back what it gets. Two bytes of its configuration are the driver's, one of
// them in part.
#pragma once

#include <algorithm>

#include "vmm/virtio/worker.h"

namespace test {

class MirrorDevice final : public vmm::virtio::Device {
 public:
  MirrorDevice() {
    model_.kind = {99, 0xff0000};
    model_.features = 0x23;
    model_.needs = {{0x1, 0x20}};
    model_.queue_sizes = {16, 8};
    model_.packed = true;
    for (const int byte : {0x11, 0x22, 0x33, 0x04, 0x55, 0x66}) {
      model_.config.push_back(static_cast<std::byte>(byte));
    }
    model_.writable = {{2, 0xff}, {3, 0x0f}};
    model_.config_writes = true;
  }
  const vmm::virtio::DeviceModel& model() const override { return model_; }
  void Attach(ChangeConfig change) override { change_ = std::move(change); }
  void Change(std::span<const std::byte> config) { change_(config); }
  base::Status Start(uint64_t, vmm::EventLoop&) override { return {}; }
  void Handle(vmm::virtio::Worker& worker, const vmm::virtio::Chain& chain) override {
    std::vector<std::byte> bytes(std::min<uint64_t>(TotalSize(chain.readable), 0x1000));
    const bool copied = CopyFrom(worker.ram(), chain.readable, 0, bytes) &&
                        CopyTo(worker.ram(), chain.writable, 0, bytes);
    worker.Finish(chain, copied ? static_cast<uint32_t>(bytes.size()) : 0);
  }

 private:
  vmm::virtio::DeviceModel model_;
  ChangeConfig change_;
};

}  // namespace test
