// virtio-blk over a disk image (virtio 1.2, 5.2).
//
// A write is on the disk before it is finished unless the driver has taken FLUSH: one that does not
// know flushes never sends any. A flush that fails is remembered: the kernel tells of a lost write
// once and forgets it, so every later flush fails too. What is finished short goes on where it
// stopped; the end of an image that has shrunk is an error, never zeroes. When the device stops,
// all that was finished is flushed once more.
//
// On the I/O thread, but the model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sysfs/base/log.h"
#include "sysfs/base/mapping.h"
#include "vmm/virtio/blk/engine.h"
#include "vmm/virtio/blk/image.h"
#include "vmm/virtio/blk/request.h"
#include "vmm/virtio/blk/ring.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/worker.h"

namespace vmm::virtio {

class Blk final : public Device {
 public:
  // Opens and locks the image. Without a ring a thread does what it would do.
  static base::Result<std::unique_ptr<Blk>> Create(BlkOptions options,
                                                   std::shared_ptr<BlkRing> ring = {});
  class Key;
  Blk(Key key, BlkOptions options, Image image,
      std::shared_ptr<BlkRing> ring);  // for Create alone
  Blk(const Blk&) = delete;
  Blk& operator=(const Blk&) = delete;
  ~Blk() override;

  const DeviceModel& model() const override { return model_; }
  base::Status Start(uint64_t features, EventLoop& loop) override;
  void Handle(Worker& worker, const Chain& chain) override;
  void Submit() override;
  void Stop() override;

 private:
  struct Slot : BlkOp {
    Chain chain;
    Worker* worker = nullptr;
    BlkRequest request;
    uint64_t status_at = 0;
    uint64_t done = 0;     // bytes of a read or a write
    uint64_t filled = 0;   // of the guest's buffers, from the first one on
    size_t range = 0;      // the one at hand
    base::Mapping bounce;  // aligned, for direct access
    bool bounced = false;
  };

  Slot& TakeSlot();
  void Begin(Slot& slot);
  bool MakeIovecs(Slot& slot);
  void Launch(Slot& slot);
  void OnDone(BlkOp& op, int64_t result);
  void OnTransferred(Slot& slot, int64_t result);
  void OnRangeDone(Slot& slot, int64_t result);
  void OnFlushed(Slot& slot, int64_t result);
  void OnBatch();
  void GiveId(Slot& slot);
  void Finish(Slot& slot, BlkStatus status);
  void Fail(Slot& slot, int64_t result);
  BlkEngine* Engine(BlkWork work);
  BlkCallbacks Callbacks();
  std::string Describe(const Slot& slot) const;

  const BlkOptions options_;
  const Image image_;
  BlkShape shape_;
  DeviceModel model_;
  bool sync_ = false;          // each write
  bool dirty_ = false;         // something was written since the last flush
  bool flush_failed_ = false;  // for good
  EventLoop* loop_ = nullptr;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<Worker*> touched_;
  base::Limited log_;
  std::shared_ptr<BlkRing> ring_;
  // First used, first made.
  std::unique_ptr<BlkEngine> fast_;
  std::unique_ptr<BlkEngine> slow_;
};

}  // namespace vmm::virtio
