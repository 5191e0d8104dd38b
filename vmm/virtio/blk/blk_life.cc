// The life of a disk, and what becomes of it when its storage fails or changes its size.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sysfs/base/bits.h"
#include "vmm/virtio/blk/blk.h"

namespace vmm::virtio {
namespace {

BlkShape ShapeOf(const BlkOptions& options, const Image& image) {
  BlkShape shape;
  shape.limits = {image.sectors, options.image.readonly, image.can_discard};
  shape.block_size = image.block_size;
  shape.physical_size = image.physical_size;
  shape.queues = options.queues;
  shape.packed = options.packed;
  const CacheMode cache = options.image.cache;
  shape.writeback = cache != CacheMode::kWritethrough;
  // The other modes are promises of the machine's user.
  shape.guest_chooses =
      !options.image.readonly && (cache == CacheMode::kWriteback || cache == CacheMode::kNone);
  return shape;
}

std::string_view WorkText(BlkWork work) {
  switch (work) {
    case BlkWork::kRead:
      return "read";
    case BlkWork::kWrite:
      return "write";
    case BlkWork::kFlush:
      return "flush";
    case BlkWork::kDiscard:
      return "discard";
    case BlkWork::kZero:
      return "write of zeroes";
    case BlkWork::kGetId:
      return "name";
  }
  return "";
}

bool IsCommon(BlkWork work) {
  return work == BlkWork::kRead || work == BlkWork::kWrite || work == BlkWork::kFlush;
}

}  // namespace

class Blk::Key {};

base::Result<std::unique_ptr<Blk>> Blk::Create(BlkOptions options, std::shared_ptr<BlkRing> ring) {
  Image image = TRY(OpenImage(options.image));
  return std::make_unique<Blk>(Key(), std::move(options), std::move(image), std::move(ring));
}

Blk::Blk(Key, BlkOptions options, Image image, std::shared_ptr<BlkRing> ring)
    : options_(std::move(options)),
      image_(std::move(image)),
      shape_(ShapeOf(options_, image_)),
      model_(BlkModel(shape_)),
      config_(model_.config),
      bytes_(image_.sectors * kSectorBytes),
      writeback_(shape_.writeback),
      limiter_(options_.rate),
      ring_(std::move(ring)) {}

Blk::~Blk() = default;

base::Status Blk::Start(uint64_t features, EventLoop& loop) {
  loop_ = &loop;
  const bool flushes = (features & blk_feature::kFlush) != 0;
  sync_ = options_.image.cache == CacheMode::kWritethrough ||
          (!flushes && options_.image.cache != CacheMode::kUnsafe);
  chooses_ = (features & blk_feature::kConfigWce) != 0;
  return limiter_.Start(loop, [this] { GoOn(); });
}

// The guest has seen its writes finished, and nobody else will flush them. The storage may take its
// time: other devices have this thread, too.
void Blk::Flush(std::function<void()> done) {
  const bool wanted = std::exchange(dirty_, false) && options_.image.cache != CacheMode::kUnsafe;
  BlkEngine* const engine = wanted ? Engine(BlkWork::kFlush) : nullptr;
  flushed_ = std::move(done);
  if (engine == nullptr) return wanted ? OnLastFlushed(-EIO) : std::exchange(flushed_, {})();
  last_flush_.work = BlkWork::kFlush;
  last_flush_.block_device = image_.block_device;
  engine->Start(last_flush_);
  engine->Submit();
}

// The engine that calls this ends with the device.
void Blk::OnLastFlushed(int64_t result) {
  if (result == -EINTR || result == -EAGAIN) return Engine(BlkWork::kFlush)->Start(last_flush_);
  if (result < 0) {
    flush_failed_ = true;
    base::Log(base::Level::kError, "{}: the last writes may be lost: {}", options_.image.file,
              std::strerror(static_cast<int>(-result)));
  }
  loop_->Post(std::exchange(flushed_, {}));
}

void Blk::Stop() {
  fast_.reset();
  slow_.reset();
  limiter_.Stop();
  status_ = IoStatus::kOk;
}

BlkCallbacks Blk::Callbacks() {
  return {[this](BlkOp& op, int64_t result) { OnDone(op, result); }, [this] { OnBatch(); }};
}

BlkEngine* Blk::Engine(BlkWork work) {
  if (IsCommon(work) && ring_ && !make_engine_) {
    if (fast_) return fast_.get();
    auto made = ring_->MakeEngine(image_.fd, *loop_, Callbacks());
    if (made) {
      fast_ = std::move(*made);
      return fast_.get();
    }
    log_.Log(base::Level::kWarning, "{}: {}", options_.image.file, made.error().message());
  }
  if (slow_) return slow_.get();
  auto made = make_engine_ ? make_engine_(image_.fd, *loop_, Callbacks())
                           : MakeThreadEngine(image_.fd, *loop_, Callbacks());
  if (!made) {
    log_.Log(base::Level::kError, "{}: {}", options_.image.file, made.error().message());
    return nullptr;
  }
  slow_ = std::move(*made);
  return slow_.get();
}

std::string Blk::Describe(const Slot& slot) const {
  if (slot.work == BlkWork::kFlush) return fmt::format("{}: flush", options_.image.file);
  return fmt::format("{}: {} at {}", options_.image.file, WorkText(slot.work), slot.offset);
}

// A queue that is to end holds nothing back.
void Blk::Fail(Slot& slot, int64_t result) {
  const int error = static_cast<int>(-result);
  // The kernel may have told of what was not flushed, too.
  if (slot.sync && dirty_ && error == EIO) flush_failed_ = true;
  const bool full = error == ENOSPC || error == EDQUOT;
  const bool stops = Stops(options_.errors, slot.work, error) && !slot.worker->paused();
  log_.Log(base::Level::kError, "{}: {}{}", Describe(slot), std::strerror(error),
           stops ? "; the machine stops, and tries it again when it goes on" : "");
  if (stops) {
    status_ = full ? IoStatus::kNoSpace : IoStatus::kFailed;
    stopped_.push_back(&slot);
  }
  if (told_) told_({slot.work == BlkWork::kRead, stops, full, std::strerror(error)});
  if (!stops) Finish(slot, BlkStatus::kError);
}

void Blk::Retry() {
  status_ = IoStatus::kOk;
  file_bytes_.reset();
  for (Slot* const slot : std::exchange(stopped_, {})) {
    Touch(*slot);
    Launch(*slot);
  }
  OnBatch();
}

void Blk::LetGo(uint16_t queue) {
  std::vector<Slot*> mine;
  std::erase_if(stopped_, [&](Slot* slot) {
    const bool is_mine = slot->worker->index() == queue;
    if (is_mine) mine.push_back(slot);
    return is_mine;
  });
  for (Slot* const slot : mine) Finish(*slot, BlkStatus::kError);
}

bool Blk::WritesThrough() const { return sync_ || (chooses_ && !writeback_); }

void Blk::SetConfigByte(uint16_t offset, uint8_t value) {
  if (offset == kWritebackAt) writeback_ = value != 0;
}

BlkView Blk::view() const {
  return {bytes_, status_, options_.image.cache != CacheMode::kWritethrough && writeback_};
}

base::Result<uint64_t> Blk::Resize(std::optional<uint64_t> bytes) {
  if (bytes) TRY(SetImageBytes(options_.image, image_, *bytes));
  file_bytes_.reset();
  const uint64_t now = TRY(ImageBytes(options_.image, image_));
  if (now < kSectorBytes) {
    return base::Fail(base::Code::kUnfit,
                      options_.image.file + ": has less than one sector: the guest is told nothing",
                      "make it as large as the disk shall be");
  }
  shape_.limits.sectors = now / kSectorBytes;
  bytes_ = shape_.limits.sectors * kSectorBytes;
  base::StoreLe(std::span(config_), 0, shape_.limits.sectors);
  if (change_config_) change_config_(config_);
  return bytes_.load();
}

}  // namespace vmm::virtio
