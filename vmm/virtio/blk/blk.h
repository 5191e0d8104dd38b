// virtio-blk over a disk image (virtio 1.2, 5.2).
//
// A write is on the disk before it is finished unless the driver has taken FLUSH: one that does not
// know flushes never sends any. A flush that fails is remembered: the kernel tells of a lost write
// once and forgets it, so every later flush fails too. What is finished short goes on where it
// stopped; the end of an image that has shrunk is an error, never zeroes, and a write behind it
// does not make it longer. When the device stops, all that was finished is flushed once more.
//
// What the storage fails is told to the guest or, by ErrorPolicies, waits with the machine until
// Retry. A driver that has taken CONFIG_WCE chooses write-through by a byte of the configuration
// (5.2.5): that counts for what it makes available after its write.
//
// Requests beyond a rate limit stay in their queues. What moves no data (flush, discard, zeroes)
// counts as an operation, without bytes.
//
// On the I/O thread, but the model, the view and SetConfigByte.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
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

// For the machine's views.
struct BlkView {
  uint64_t bytes = 0;  // that the guest has been told
  IoStatus status = IoStatus::kOk;
  bool writeback = false;
};

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

  const BlkOptions& options() const { return options_; }
  BlkView view() const;
  void OnFault(std::function<void(const BlkFault&)> told) { told_ = std::move(told); }
  // In place of those of the system; before the first Start.
  using MakeEngine = std::function<base::Result<std::unique_ptr<BlkEngine>>(
      const base::Fd&, EventLoop&, BlkCallbacks)>;
  void SetEngine(MakeEngine make) { make_engine_ = std::move(make); }
  // Before the start: instead of kMostBounce.
  void SetMostBounce(uint64_t bytes) { most_bounce_ = bytes; }

  // The guest is told of the image's size, after it was made so many bytes. As SetImageBytes and
  // ImageBytes fail. The size that was found.
  base::Result<uint64_t> Resize(std::optional<uint64_t> bytes);
  // What the storage has failed is tried again.
  void Retry();

  const DeviceModel& model() const override { return model_; }
  void Attach(ChangeConfig change) override { change_config_ = std::move(change); }
  void SetConfigByte(uint16_t offset, uint8_t value) override;
  base::Status Start(uint64_t features, EventLoop& loop) override;
  void OnQueueEnd(uint16_t queue) override;
  void LetGo(uint16_t queue) override;
  bool Wants(Worker& worker) override;
  void Handle(Worker& worker, const Chain& chain) override;
  void Submit() override;
  void Flush(std::function<void()> done) override;
  void Stop() override;

 private:
  struct Slot : BlkOp {
    Chain chain;
    Worker* worker = nullptr;
    BlkRequest request;
    uint64_t status_at = 0;
    uint64_t done = 0;     // bytes of a read or a write
    uint64_t filled = 0;   // of the guest's buffers, from the first one on
    uint64_t before = 0;   // bytes of the image when this was begun
    size_t range = 0;      // the one at hand
    base::Mapping bounce;  // aligned, for direct access
    uint64_t bounce_bytes = 0;
    bool bounced = false;
  };

  Slot& TakeSlot();
  void Begin(Slot& slot);
  bool MakeIovecs(Slot& slot);
  void Rewind(Slot& slot);
  void BeginRange(Slot& slot);
  void Launch(Slot& slot);
  void OnDone(BlkOp& op, int64_t result);
  void OnTransferred(Slot& slot, int64_t result);
  void OnRangeDone(Slot& slot, int64_t result);
  void OnFlushed(Slot& slot, int64_t result);
  void OnLastFlushed(int64_t result);
  void OnBatch();
  void GoOn();
  void Touch(Slot& slot);
  void ReleaseBounce(Slot& slot);
  bool WritesThrough() const;
  uint64_t FileBytes();
  bool IsInside(const Slot& slot);
  bool HasShrunk(const Slot& slot);
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
  std::vector<std::byte> config_;
  ChangeConfig change_config_;
  std::function<void(const BlkFault&)> told_;
  MakeEngine make_engine_;
  std::atomic<uint64_t> bytes_;
  std::atomic<IoStatus> status_{IoStatus::kOk};
  std::atomic<bool> writeback_;         // as the driver has it
  bool sync_ = false;                   // each write, whatever the driver chooses
  bool chooses_ = false;                // the driver does
  std::optional<uint64_t> file_bytes_;  // since the last batch
  bool dirty_ = false;                  // something was written since the last flush
  bool flush_failed_ = false;           // for good
  EventLoop* loop_ = nullptr;
  // Copies for direct access: of one request, and how many bytes let the next ones wait in their
  // queues; and what a request keeps for the next.
  static constexpr uint64_t kMostBounce = uint64_t{128} << 20;
  static constexpr uint64_t kKeptBounce = uint64_t{64} << 10;
  uint64_t most_bounce_ = kMostBounce;
  uint64_t bounce_bytes_ = 0;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<Slot*> stopped_;  // wait for Retry
  Slot last_flush_;             // of a device whose driver has let go of it
  std::function<void()> flushed_;
  std::vector<Worker*> touched_;
  RateLimiter limiter_;
  std::vector<Worker*> waiting_;  // for its rate, or for memory to copy with
  base::Limited log_;
  std::shared_ptr<BlkRing> ring_;
  // First used, first made.
  std::unique_ptr<BlkEngine> fast_;
  std::unique_ptr<BlkEngine> slow_;
};

}  // namespace vmm::virtio
