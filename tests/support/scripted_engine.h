// A disk's storage that does what a test says.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "vmm/virtio/blk/engine.h"

namespace test {

// What becomes of an operation, in place of Perform.
using Script = std::function<int64_t(const base::Fd& image, vmm::virtio::BlkOp& op)>;

class ScriptedEngine final : public vmm::virtio::BlkEngine {
 public:
  ScriptedEngine(const base::Fd& image, vmm::EventLoop& loop, vmm::virtio::BlkCallbacks callbacks,
                 Script script)
      : image_(&image),
        loop_(&loop),
        callbacks_(std::move(callbacks)),
        script_(std::move(script)) {}
  void Start(vmm::virtio::BlkOp& op) override { started_.push_back(&op); }
  void Submit() override {
    if (started_.empty()) return;
    loop_->Post([this, ops = std::exchange(started_, {})] {
      for (vmm::virtio::BlkOp* const op : ops) callbacks_.done(*op, script_(*image_, *op));
      callbacks_.batch();
    });
  }

 private:
  const base::Fd* image_;
  vmm::EventLoop* loop_;
  vmm::virtio::BlkCallbacks callbacks_;
  Script script_;
  std::vector<vmm::virtio::BlkOp*> started_;
};

}  // namespace test
