// What becomes of the requests to a virtio disk, by a model of the disk: the status of each, what
// its driver gets, what the disk has afterwards, and what has to be flushed.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "tests/fuzz/blk_request_model.h"
#include "tests/fuzz/fuzzed_disk.h"

namespace test {

struct RunningRequest : ModelRequest {
  uint64_t token = 0;
  size_t slot = 0;
  bool through = false;  // its writes are on the disk when it is told
  bool through_or_not = false;
  bool may_be_ok = true;
  bool may_fail = false;
  bool may_be_unsupported = false;
  uint64_t change = 0;  // the last one that it has made in the storage
  uint64_t need = 0;    // of a flush: all changes until this one
};

class BlkModel {
 public:
  using Work = vmm::virtio::BlkWork;
  using Status = vmm::virtio::BlkStatus;

  explicit BlkModel(FuzzedDisk& disk) : disk_(&disk), bytes_(disk.storage().bytes()) {
    disk.storage().started = [this](const BlkStorage::Op& op) { OnStarted(op); };
    disk.storage().ended = [this](const BlkStorage::Op& op, int64_t result) {
      OnEnded(op, result);
    };
  }
  BlkModel(const BlkModel&) = delete;
  BlkModel& operator=(const BlkModel&) = delete;
  ~BlkModel() = default;

  bool idle() const { return running_.empty(); }
  bool HasSlot(size_t slot) const {
    return std::any_of(running_.begin(), running_.end(),
                       [&](const RunningRequest& one) { return one.slot == slot; });
  }
  // Nobody can say what comes of the one beside those that run.
  bool Conflicts(const ModelRequest& one) const {
    const auto uses_end = [](const ModelRequest& request) {
      return std::any_of(request.pieces.begin(), request.pieces.end(),
                         [](const auto& piece) { return piece.address >= BlkSlotAt(kBlkSlots); });
    };
    const auto meet = [](const auto& a, const auto& b) {
      return a.offset < b.offset + b.size && b.offset < a.offset + a.size;
    };
    return std::any_of(running_.begin(), running_.end(), [&](const RunningRequest& other) {
      if (uses_end(one) && uses_end(other)) return true;
      if (one.work == Work::kRead && other.work == Work::kRead) return false;
      return std::any_of(one.ranges.begin(), one.ranges.end(), [&](const auto& a) {
        return std::any_of(other.ranges.begin(), other.ranges.end(),
                           [&](const auto& b) { return meet(a, b); });
      });
    });
  }

  void Add(const ModelRequest& request, uint64_t token, size_t slot, bool through) {
    RunningRequest one{request};
    one.token = token;
    one.slot = slot;
    one.through = through;
    one.need = told_;
    one.may_be_ok = one.work != Work::kFlush || !lost_;
    one.may_fail = one.work == Work::kFlush && maybe_lost_;
    running_.push_back(one);
  }
  // The driver has another wish while they run.
  void DoubtThrough() {
    for (RunningRequest& one : running_) one.through_or_not = true;
  }
  // None of them is told.
  void BeginEnd() { ending_ = true; }
  void FinishEnd() {
    ending_ = false;
    running_.clear();
    Check(disk_->unsafe() || lost_ || covered_ >= told_, "what was told is flushed at the end");
    bytes_ = disk_->storage().bytes();
    for (size_t slot = 0; slot < kBlkSlots; ++slot) Keep(slot);
  }

  void CheckDone(const VirtioDriver::Done& done) {
    const auto found =
        std::find_if(running_.begin(), running_.end(),
                     [&](const RunningRequest& one) { return one.token == done.token; });
    Check(found != running_.end(), "a request comes back once");
    const RunningRequest one = std::move(*found);
    running_.erase(found);
    const bool told = !one.writable.empty() && disk_->queue().IsRam(one.writable.back(), 1);
    const Status status = told ? CheckStatus(one) : one.answer.value_or(Status::kError);
    const bool ok = status == Status::kOk;
    if (told || one.writable.empty()) CheckWritten(one, ok, done.written);
    CheckDisk(one, ok);
    if (ok) told_ = std::max(told_, one.change);
    if (ok && IsFlushed(one)) {
      Check(one.need <= covered_, "a flush is told after what it flushes");
    }
    CheckMemory(one, status);
  }
  // Of the driver's memory: it stays as it is now.
  void Keep(size_t slot) { saved_[slot].assign(Slot(slot).begin(), Slot(slot).end()); }
  void CheckSlot(size_t slot) const {
    if (saved_[slot].empty()) return;
    Check(std::memcmp(Slot(slot).data(), saved_[slot].data(), kBlkSlotBytes) == 0,
          "nothing else is touched");
  }

 private:
  // Those whose operation this may be.
  std::vector<RunningRequest*> Owners(const BlkStorage::Op& op) {
    std::vector<RunningRequest*> owners;
    const base::Range place{op.offset, BlkStorage::SizeOf(op)};
    for (RunningRequest& one : running_) {
      const bool covers = std::any_of(one.ranges.begin(), one.ranges.end(), [&](const auto& range) {
        return base::Range{range.offset, range.size}.Contains(place);
      });
      const bool is_its = op.work == Work::kFlush || covers;
      if (!one.answer && one.work == op.work && is_its) owners.push_back(&one);
    }
    return owners;
  }
  void OnStarted(const BlkStorage::Op& op) {
    if (ending_) return;
    const auto owners = Owners(op);
    Check(!owners.empty(), "what is done was asked for");
    if (!BlkStorage::Changes(op) || owners.front()->through_or_not) return;
    Check(op.sync == owners.front()->through, "writes go through as the driver wants it");
  }
  void OnEnded(const BlkStorage::Op& op, int64_t result) {
    const bool failed = result < 0 && result != -EINTR && result != -EAGAIN;
    const bool later = BlkStorage::Changes(op) && result >= 0 && !op.sync;
    if (op.work == Work::kFlush && result >= 0) covered_ = changes_;
    if (op.work == Work::kFlush && failed) lost_ = true;
    // What was not flushed the kernel may have told of here.
    if (lost_ || (op.sync && result == -EIO)) maybe_lost_ = true;
    if (later) ++changes_;
    const bool stops =
        disk_->options().errors.read == vmm::virtio::ErrorPolicy::kStop && op.work != Work::kFlush;
    const bool unsupported =
        (op.work == Work::kDiscard || op.work == Work::kZero) && result == -EOPNOTSUPP;
    const auto owners = Owners(op);
    for (RunningRequest* const one : owners) {
      if (later) one->change = changes_;
      if (failed) (unsupported ? one->may_be_unsupported : one->may_fail) = true;
      if (failed && owners.size() == 1 && (unsupported || !stops)) one->may_be_ok = false;
    }
    for (RunningRequest& one : running_) {
      if (one.work == Work::kFlush && maybe_lost_) one.may_fail = true;
    }
  }

  // Beside another flush, one of a driver that writes through is told at once.
  bool IsFlushed(const RunningRequest& one) const {
    const bool beside = std::any_of(running_.begin(), running_.end(), [](const auto& other) {
      return other.work == Work::kFlush && !other.answer;
    });
    const bool at_once = beside && (one.through || one.through_or_not);
    return one.work == Work::kFlush && !one.answer && !disk_->unsafe() && !at_once;
  }
  Status CheckStatus(const RunningRequest& one) {
    const auto status = static_cast<Status>(disk_->queue().at(one.writable.back()));
    const bool may_be = (status == Status::kOk && one.may_be_ok) ||
                        (status == Status::kError && one.may_fail) ||
                        (status == Status::kUnsupported && one.may_be_unsupported);
    Check(one.answer ? status == *one.answer : may_be, "a request has the status that it should");
    return status;
  }
  static void CheckWritten(const RunningRequest& one, bool ok, uint32_t written) {
    size_t filled = 0;
    if (ok && one.work == Work::kRead) filled = one.writable.size() - 1;
    if (ok && one.work == Work::kGetId) filled = vmm::virtio::kIdBytes;
    const bool whole = filled + 1 == one.writable.size();
    Check(written == filled + (whole ? 1 : 0), "as much is told as was written");
  }
  void CheckDisk(const RunningRequest& one, bool ok) {
    for (const auto& range : one.ranges) {
      const std::byte* const is = &disk_->storage().bytes()[range.offset];
      std::byte* const should = &bytes_[range.offset];
      if (ok && one.work == Work::kWrite) std::memcpy(should, &one.sent[16], range.size);
      if (ok && one.work == Work::kZero) std::memset(should, 0, range.size);
      // Of what has failed some may be there, and a discard promises nothing.
      if (!ok || one.work == Work::kDiscard) std::memcpy(should, is, range.size);
      Check(std::memcmp(is, should, range.size) == 0, "the disk has what was written");
    }
    const bool changing = std::any_of(running_.begin(), running_.end(), [](const auto& other) {
      return !other.ranges.empty() && other.work != Work::kRead;
    });
    Check(
        changing || std::memcmp(bytes_.data(), disk_->storage().bytes().data(), bytes_.size()) == 0,
        "the rest of the disk stays");
  }
  // What the driver has got, and nothing else.
  void CheckMemory(const RunningRequest& one, Status status) {
    const uint64_t first = BlkSlotAt(one.slot);
    const bool ok = status == Status::kOk;
    const std::string& serial = disk_->options().serial;
    for (size_t i = 0; i < one.writable.size(); ++i) {
      const uint64_t at = one.writable[i] - first;
      if (one.writable[i] < first || at >= kBlkSlotBytes) continue;
      std::byte& should = saved_[one.slot][at];
      if (i + 1 == one.writable.size()) {
        should = static_cast<std::byte>(status);
      } else if (ok && one.work == Work::kRead) {
        should = bytes_[one.ranges.front().offset + i];
      } else if (ok && one.work == Work::kGetId && i < vmm::virtio::kIdBytes) {
        should = i < serial.size() ? static_cast<std::byte>(serial[i]) : std::byte{0};
      } else if (one.work == Work::kRead || one.work == Work::kGetId) {
        should = disk_->queue().at(one.writable[i]);  // in part, perhaps
      }
    }
    CheckSlot(one.slot);
  }

  std::span<std::byte> Slot(size_t slot) const {
    return disk_->queue().data().subspan(slot * kBlkSlotBytes, kBlkSlotBytes);
  }

  FuzzedDisk* disk_;
  std::vector<RunningRequest> running_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> saved_[kBlkSlots];
  bool ending_ = false;
  bool lost_ = false;  // something, by a flush that failed
  bool maybe_lost_ = false;
  uint64_t changes_ = 0;  // of the storage, that are not on the disk yet when they are made
  uint64_t covered_ = 0;  // by a flush
  uint64_t told_ = 0;     // to the driver
};

}  // namespace test
