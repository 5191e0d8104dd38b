// virtio-rng: random bytes of the host's kernel (virtio 1.2, 5.4).
#pragma once

#include "vmm/virtio/device.h"

namespace vmm::virtio {

class Rng final : public Device {
 public:
  // A guest that asks for more gets so much.
  static constexpr size_t kMostBytes = 64 * base::kKiB;

  Rng();
  const DeviceModel& model() const override { return model_; }
  base::Status Start(uint64_t, EventLoop&) override { return {}; }
  void Handle(Worker& worker, const Chain& chain) override;

 private:
  DeviceModel model_;
};

}  // namespace vmm::virtio
