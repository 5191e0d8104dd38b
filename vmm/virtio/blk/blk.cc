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

bool IsTransfer(BlkWork work) { return work == BlkWork::kRead || work == BlkWork::kWrite; }

bool Changes(BlkWork work) {
  return work == BlkWork::kWrite || work == BlkWork::kDiscard || work == BlkWork::kZero;
}

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

bool Blk::Wants(Worker& worker) {
  if (bounce_bytes_ < most_bounce_ && limiter_.Admit()) return true;
  if (std::find(waiting_.begin(), waiting_.end(), &worker) == waiting_.end()) {
    waiting_.push_back(&worker);
  }
  return false;
}

// Who was first the last time, and waits again, is last now: what is admitted goes round.
void Blk::GoOn() {
  std::vector<Worker*> workers = std::exchange(waiting_, {});
  if (workers.size() > 1) std::rotate(workers.begin(), workers.begin() + 1, workers.end());
  for (Worker* const worker : workers) worker->Go();
}

void Blk::OnQueueEnd(uint16_t queue) {
  std::erase_if(waiting_, [&](const Worker* worker) { return worker->index() == queue; });
}

void Blk::Handle(Worker& worker, const Chain& chain) {
  BlkParsed parsed = ParseBlk(worker.ram(), chain, shape_.limits);
  const bool transfers = parsed.request && IsTransfer(parsed.request->work);
  limiter_.Charge(transfers ? parsed.request->ranges.front().size : 0);
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
  const bool through = WritesThrough();
  slot.sync = through && Changes(slot.work);
  switch (slot.work) {
    case BlkWork::kGetId:
      return GiveId(slot);
    case BlkWork::kFlush:
      if (flush_failed_) return Finish(slot, BlkStatus::kError);
      // There is nothing that it could do.
      if (options_.image.cache == CacheMode::kUnsafe || (through && !dirty_)) {
        return Finish(slot, BlkStatus::kOk);
      }
      dirty_ = false;
      return Launch(slot);
    case BlkWork::kRead:
    case BlkWork::kWrite:
      if (slot.request.ranges.front().size == 0) return Finish(slot, BlkStatus::kOk);
      if (!MakeIovecs(slot)) return Finish(slot, BlkStatus::kError);
      slot.offset = slot.request.ranges.front().offset;
      break;
    case BlkWork::kDiscard:
    case BlkWork::kZero:
      return BeginRange(slot);
  }
  Launch(slot);
}

// The next one that is not empty.
void Blk::BeginRange(Slot& slot) {
  const auto& ranges = slot.request.ranges;
  while (slot.range < ranges.size() && ranges[slot.range].size == 0) ++slot.range;
  if (slot.range == ranges.size()) return Finish(slot, BlkStatus::kOk);
  slot.offset = ranges[slot.range].offset;
  slot.size = ranges[slot.range].size;
  slot.may_unmap = ranges[slot.range].may_unmap;
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
  const uint64_t room = base::AlignUp(size, base::kPageSize);
  if (room > most_bounce_) return false;
  bounce_bytes_ += room;
  slot.bounce_bytes = room;
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

// What is tried again is tried as a whole: nobody knows how much of it is left.
void Blk::Rewind(Slot& slot) {
  const SectorRange& range = slot.request.ranges.front();
  slot.done = 0;
  slot.offset = range.offset;
  slot.iovecs.clear();
  if (slot.bounced) {
    const std::span<std::byte> bytes = slot.bounce.bytes().first(range.size);
    slot.iovecs.push_back({bytes.data(), bytes.size()});
    return;
  }
  // As before, when it could be done.
  static_cast<void>(AppendIovecs(slot.worker->ram(), slot.chain.readable, slot.request.data,
                                 range.size, Use::kRead, slot.iovecs));
}

// A file has a size of its own; behind a device's end the kernel writes nothing.
uint64_t Blk::FileBytes() {
  if (!file_bytes_) file_bytes_ = ImageBytes(options_.image, image_).value_or(0);
  return *file_bytes_;
}

bool Blk::IsInside(const Slot& slot) {
  const uint64_t size =
      slot.work == BlkWork::kWrite ? slot.request.ranges.front().size - slot.done : slot.size;
  const uint64_t bytes = FileBytes();
  return slot.offset <= bytes && size <= bytes - slot.offset;
}

// Whether the file became shorter under a write, which may have made it longer again, with zeroes
// in between.
bool Blk::HasShrunk(const Slot& slot) {
  if (image_.block_device || FileBytes() == slot.before) return false;
  const uint64_t begin = slot.request.ranges[slot.range].offset;
  return FileBytes() <= begin + slot.request.ranges[slot.range].size && FileBytes() < slot.before;
}

void Blk::Launch(Slot& slot) {
  if (Changes(slot.work) && !image_.block_device) {
    if (!IsInside(slot)) return Fail(slot, -EIO);
    slot.before = FileBytes();
  }
  BlkEngine* const engine = Engine(slot.work);
  if (engine == nullptr) return Finish(slot, BlkStatus::kError);
  engine->Start(slot);
}

void Blk::Submit() {
  file_bytes_.reset();
  if (fast_) fast_->Submit();
  if (slow_) slow_->Submit();
}

void Blk::OnDone(BlkOp& op, int64_t result) {
  auto& slot = static_cast<Slot&>(op);
  if (&slot == &last_flush_) return OnLastFlushed(result);
  Touch(slot);
  if (result == -EINTR || result == -EAGAIN) return Launch(slot);
  if (IsTransfer(slot.work)) return OnTransferred(slot, result);
  if (slot.work == BlkWork::kFlush) return OnFlushed(slot, result);
  OnRangeDone(slot, result);
}

void Blk::Touch(Slot& slot) {
  if (std::find(touched_.begin(), touched_.end(), slot.worker) != touched_.end()) return;
  touched_.push_back(slot.worker);
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
  if (slot.work == BlkWork::kWrite && HasShrunk(slot)) {
    Rewind(slot);
    return Fail(slot, -EIO);
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
  if (HasShrunk(slot)) return Fail(slot, -EIO);
  ++slot.range;
  BeginRange(slot);
}

void Blk::GiveId(Slot& slot) {
  std::array<std::byte, kIdBytes> id{};
  const size_t size = std::min(options_.serial.size(), id.size());
  std::memcpy(id.data(), options_.serial.data(), size);
  const bool given = CopyTo(slot.worker->ram(), slot.chain.writable, 0, id);
  slot.filled = id.size();
  Finish(slot, given ? BlkStatus::kOk : BlkStatus::kError);
}

// The length counts from the first writable byte and without a gap (5.2.6.4).
void Blk::Finish(Slot& slot, BlkStatus status) {
  // Also what came to nothing may have written something. A flush covers what was finished before
  // it began.
  if (Changes(slot.work) && !slot.sync) dirty_ = true;
  const auto byte = static_cast<std::byte>(status);
  const bool told = CopyTo(slot.worker->ram(), slot.chain.writable, slot.status_at, {&byte, 1});
  const uint64_t filled = status == BlkStatus::kOk ? slot.filled : 0;
  const uint64_t written = told && filled == slot.status_at ? filled + 1 : filled;
  slot.worker->Finish(slot.chain, static_cast<uint32_t>(std::min<uint64_t>(written, UINT32_MAX)));
  ReleaseBounce(slot);
  free_.push_back(&slot);
}

// Who waits for memory goes on in a later turn: this may be one of their calls.
void Blk::ReleaseBounce(Slot& slot) {
  const bool was_full = bounce_bytes_ >= most_bounce_;
  bounce_bytes_ -= std::exchange(slot.bounce_bytes, 0);
  if (slot.bounce.bytes().size() > kKeptBounce) slot.bounce = base::Mapping();
  if (was_full && bounce_bytes_ < most_bounce_ && !waiting_.empty()) {
    loop_->Post([this] { GoOn(); });
  }
}

}  // namespace vmm::virtio
