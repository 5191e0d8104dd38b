// A virtio-pci function that echoes, and its requests by token.
#pragma once

#include "tests/support/virtio_function.h"

namespace test {

class EchoFunction : public VirtioFunction {
 protected:
  EchoFunction() {
    auto device = std::make_unique<EchoDevice>();
    echo_ = device.get();
    Make(std::move(device));
  }
  void Add(uint64_t token) {
    ASSERT_TRUE(driver_->Add({{kData, 16, false}, {kData + 64, 16, true}}, token, true));
  }
  bool Reaps(uint64_t token) {
    std::optional<VirtioDriver::Done> done;
    return Eventually([&] {
             std::atomic_thread_fence(std::memory_order_seq_cst);
             done = driver_->Reap();
             return done.has_value();
           }) &&
           done->token == token;
  }
  EchoDevice* echo_ = nullptr;
};

}  // namespace test
