#include "vmm/virtio/blk/blk.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace vmm::virtio {
namespace {

BlkShape ShapeOf(const BlkOptions& options, const Image& image) {
  BlkShape shape;
  shape.limits = {image.sectors, options.image.readonly, image.can_discard};
  shape.block_size = image.block_size;
  shape.physical_size = image.physical_size;
  shape.queues = options.queues;
  shape.packed = options.packed;
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

bool IsTransfer(BlkWork work) { return work == BlkWork::kRead || work == BlkWork::kWrite; }

// Leaves out the first bytes of a list.
void DropFront(std::vector<iovec>& iovecs, uint64_t bytes) {
  auto first = iovecs.begin();
  while (first != iovecs.end() && bytes >= first->iov_len) {
    bytes -= first->iov_len;
    ++first;
  }
  iovecs.erase(iovecs.begin(), first);
  if (iovecs.empty() || bytes == 0) return;
  iovecs.front().iov_base = static_cast<std::byte*>(iovecs.front().iov_base) + bytes;
  iovecs.front().iov_len -= bytes;
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
      ring_(std::move(ring)) {}

Blk::~Blk() = default;

base::Status Blk::Start(uint64_t features, EventLoop& loop) {
  loop_ = &loop;
  const bool flushes = (features & blk_feature::kFlush) != 0;
  sync_ = options_.image.cache == CacheMode::kWritethrough ||
          (!flushes && options_.image.cache != CacheMode::kUnsafe);
  return {};
}

// Nothing is in progress. The guest has seen its writes finished, and nobody will flush them.
void Blk::Stop() {
  fast_.reset();
  slow_.reset();
  if (!std::exchange(dirty_, false) || options_.image.cache == CacheMode::kUnsafe) return;
  if (::fdatasync(image_.fd.raw()) == 0) return;
  flush_failed_ = true;
  base::Log(base::Level::kError, "{}: the last writes may be lost: {}", options_.image.file,
            std::strerror(errno));
}

BlkCallbacks Blk::Callbacks() {
  return {[this](BlkOp& op, int64_t result) { OnDone(op, result); }, [this] { OnBatch(); }};
}

BlkEngine* Blk::Engine(BlkWork work) {
  const bool common = IsTransfer(work) || work == BlkWork::kFlush;
  if (common && ring_) {
    if (fast_) return fast_.get();
    auto made = ring_->MakeEngine(image_.fd, *loop_, Callbacks());
    if (made) {
      fast_ = std::move(*made);
      return fast_.get();
    }
    log_.Log(base::Level::kWarning, "{}: {}", options_.image.file, made.error().message());
  }
  if (slow_) return slow_.get();
  auto made = MakeThreadEngine(image_.fd, *loop_, Callbacks());
  if (!made) {
    log_.Log(base::Level::kError, "{}: {}", options_.image.file, made.error().message());
    return nullptr;
  }
  slow_ = std::move(*made);
  return slow_.get();
}

Blk::Slot& Blk::TakeSlot() {
  if (free_.empty()) {
    slots_.push_back(std::make_unique<Slot>());
    free_.push_back(slots_.back().get());
  }
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.done = slot.filled = slot.range = 0;
  slot.bounced = false;
  slot.block_device = image_.block_device;
  return slot;
}

void Blk::Handle(Worker& worker, const Chain& chain) {
  BlkParsed parsed = ParseBlk(worker.ram(), chain, shape_.limits);
  if (!parsed.status_at) return worker.Finish(chain, 0);
  Slot& slot = TakeSlot();
  slot.worker = &worker;
  slot.chain = chain;
  slot.status_at = *parsed.status_at;
  if (!parsed.request) return Finish(slot, parsed.status);
  slot.request = std::move(*parsed.request);
  Begin(slot);
}

void Blk::Begin(Slot& slot) {
  slot.work = slot.request.work;
  slot.sync = sync_ && slot.work != BlkWork::kRead && slot.work != BlkWork::kFlush;
  switch (slot.work) {
    case BlkWork::kGetId:
      return GiveId(slot);
    case BlkWork::kFlush:
      // In these modes there is nothing that a flush could do.
      if (flush_failed_) return Finish(slot, BlkStatus::kError);
      if (sync_ || options_.image.cache == CacheMode::kUnsafe) return Finish(slot, BlkStatus::kOk);
      dirty_ = false;
      return Launch(slot);
    case BlkWork::kRead:
    case BlkWork::kWrite:
      if (slot.request.ranges.front().size == 0) return Finish(slot, BlkStatus::kOk);
      if (!MakeIovecs(slot)) return Finish(slot, BlkStatus::kError);
      slot.offset = slot.request.ranges.front().offset;
      break;
    case BlkWork::kDiscard:
    case BlkWork::kZero: {
      const SectorRange& range = slot.request.ranges.front();
      slot.offset = range.offset;
      slot.size = range.size;
      slot.may_unmap = range.may_unmap;
      // Nothing at all is done at once.
      if (range.size == 0) return OnRangeDone(slot, 0);
      break;
    }
  }
  dirty_ = dirty_ || slot.work != BlkWork::kRead;
  Launch(slot);
}

// Direct access takes only what is aligned; the guest's buffers need not be.
bool Blk::MakeIovecs(Slot& slot) {
  const uint64_t size = slot.request.ranges.front().size;
  const bool reads = slot.work == BlkWork::kRead;
  const Buffers& buffers = reads ? slot.chain.writable : slot.chain.readable;
  slot.iovecs.clear();
  if (!AppendIovecs(slot.worker->ram(), buffers, slot.request.data, size,
                    reads ? Use::kWrite : Use::kRead, slot.iovecs)) {
    return false;
  }
  const auto is_aligned = [&](const iovec& one) {
    return (reinterpret_cast<uintptr_t>(one.iov_base) | one.iov_len) % image_.alignment == 0;
  };
  const bool most = slot.iovecs.size() <= IOV_MAX;
  if (most && std::all_of(slot.iovecs.begin(), slot.iovecs.end(), is_aligned)) return true;
  // As much as the guest's own buffers at most, which are RAM.
  const uint64_t room = base::AlignUp(size, base::kPageSize);
  if (slot.bounce.bytes().size() < room) {
    auto mapping = base::Mapping::Anonymous(room);
    if (!mapping) return false;
    slot.bounce = std::move(*mapping);
  }
  slot.bounced = true;
  const std::span<std::byte> bytes = slot.bounce.bytes().first(size);
  if (!reads && !CopyFrom(slot.worker->ram(), buffers, slot.request.data, bytes)) return false;
  slot.iovecs.assign(1, {bytes.data(), bytes.size()});
  return true;
}

void Blk::Launch(Slot& slot) {
  BlkEngine* const engine = Engine(slot.work);
  if (engine == nullptr) return Finish(slot, BlkStatus::kError);
  engine->Start(slot);
}

void Blk::Submit() {
  if (fast_) fast_->Submit();
  if (slow_) slow_->Submit();
}

void Blk::OnDone(BlkOp& op, int64_t result) {
  auto& slot = static_cast<Slot&>(op);
  if (std::find(touched_.begin(), touched_.end(), slot.worker) == touched_.end()) {
    touched_.push_back(slot.worker);
  }
  if (result == -EINTR || result == -EAGAIN) return Launch(slot);
  if (IsTransfer(slot.work)) return OnTransferred(slot, result);
  if (slot.work == BlkWork::kFlush) return OnFlushed(slot, result);
  OnRangeDone(slot, result);
}

// All that was finished together is shown together.
void Blk::OnBatch() {
  for (Worker* const worker : touched_) worker->Show();
  touched_.clear();
  Submit();
}

void Blk::OnTransferred(Slot& slot, int64_t result) {
  if (result < 0) return Fail(slot, result);
  const uint64_t size = slot.request.ranges.front().size;
  slot.done += static_cast<uint64_t>(result);
  if (slot.done < size) {
    // Nothing more comes at the end of the file: it has shrunk.
    if (result == 0) return Fail(slot, -EIO);
    slot.offset += static_cast<uint64_t>(result);
    DropFront(slot.iovecs, static_cast<uint64_t>(result));
    return Launch(slot);
  }
  if (slot.bounced && slot.work == BlkWork::kRead) {
    const auto bytes = slot.bounce.bytes().first(size);
    if (!CopyTo(slot.worker->ram(), slot.chain.writable, 0, bytes)) return Fail(slot, -EIO);
  }
  if (slot.work == BlkWork::kRead) slot.filled = size;
  Finish(slot, BlkStatus::kOk);
}

void Blk::OnFlushed(Slot& slot, int64_t result) {
  if (result >= 0 && !flush_failed_) return Finish(slot, BlkStatus::kOk);
  flush_failed_ = true;
  Fail(slot, result < 0 ? result : -EIO);
}

void Blk::OnRangeDone(Slot& slot, int64_t result) {
  if (result == -EOPNOTSUPP) return Finish(slot, BlkStatus::kUnsupported);
  if (result < 0) return Fail(slot, result);
  while (++slot.range < slot.request.ranges.size()) {
    const SectorRange& range = slot.request.ranges[slot.range];
    if (range.size == 0) continue;
    slot.offset = range.offset;
    slot.size = range.size;
    slot.may_unmap = range.may_unmap;
    return Launch(slot);
  }
  Finish(slot, BlkStatus::kOk);
}

void Blk::GiveId(Slot& slot) {
  std::array<std::byte, kIdBytes> id{};
  const size_t size = std::min(options_.serial.size(), id.size());
  std::memcpy(id.data(), options_.serial.data(), size);
  const bool given = CopyTo(slot.worker->ram(), slot.chain.writable, 0, id);
  slot.filled = id.size();
  Finish(slot, given ? BlkStatus::kOk : BlkStatus::kError);
}

std::string Blk::Describe(const Slot& slot) const {
  if (slot.work == BlkWork::kFlush) return fmt::format("{}: flush", options_.image.file);
  return fmt::format("{}: {} at {}", options_.image.file, WorkText(slot.work), slot.offset);
}

void Blk::Fail(Slot& slot, int64_t result) {
  log_.Log(base::Level::kError, "{}: {}", Describe(slot), std::strerror(static_cast<int>(-result)));
  Finish(slot, BlkStatus::kError);
}

// The length counts from the first writable byte and without a gap (5.2.6.4).
void Blk::Finish(Slot& slot, BlkStatus status) {
  const auto byte = static_cast<std::byte>(status);
  const bool told = CopyTo(slot.worker->ram(), slot.chain.writable, slot.status_at, {&byte, 1});
  const uint64_t filled = status == BlkStatus::kOk ? slot.filled : 0;
  const uint64_t written = told && filled == slot.status_at ? filled + 1 : filled;
  slot.worker->Finish(slot.chain, static_cast<uint32_t>(std::min<uint64_t>(written, UINT32_MAX)));
  free_.push_back(&slot);
}

}  // namespace vmm::virtio
