// A disk's storage in memory, whose operations end when a test says, in any order, as a whole, in
// part or not at all. It sees to it that nothing is asked of it that storage must not be asked.
#pragma once

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tests/fuzz/taken.h"
#include "vmm/virtio/blk/engine.h"

namespace test {

class BlkStorage {
 public:
  using Op = vmm::virtio::BlkOp;
  using Work = vmm::virtio::BlkWork;
  struct Rules {
    bool readonly = false;
    uint64_t alignment = 1;
    bool ends = true;  // nothing is changed behind its end
  };
  // What becomes of an operation: an error, or so many bytes of it at most.
  struct Luck {
    int error = 0;
    uint64_t most = UINT64_MAX;
  };

  explicit BlkStorage(size_t bytes) : bytes_(bytes) {}
  void SetRules(const Rules& rules) { rules_ = rules; }
  // Called with each operation when it is started, and when its result is about to be told.
  std::function<void(const Op&)> started = [](const Op&) {};
  std::function<void(const Op&, int64_t result)> ended = [](const Op&, int64_t) {};
  // A write has made it longer.
  std::function<void(size_t bytes)> grown = [](size_t) {};

  std::vector<std::byte>& bytes() { return bytes_; }
  size_t waiting() const { return submitted_.size(); }

  std::unique_ptr<vmm::virtio::BlkEngine> MakeEngine(vmm::virtio::BlkCallbacks callbacks) {
    callbacks_ = std::move(callbacks);
    return std::make_unique<Engine>(*this);
  }
  // Ends the operation at this place among those that wait; after the last of some, EndBatch.
  void End(size_t index, const Luck& luck) {
    Op& op = *submitted_[index];
    submitted_.erase(submitted_.begin() + static_cast<ptrdiff_t>(index));
    const int64_t result = luck.error != 0 ? -luck.error : Perform(op, luck.most);
    ended(op, result);
    callbacks_.done(op, result);
  }
  void EndBatch() {
    callbacks_.batch();
    Check(started_.empty(), "what is started is submitted");
  }

  static uint64_t SizeOf(const Op& op) {
    if (op.work == Work::kDiscard || op.work == Work::kZero) return op.size;
    uint64_t size = 0;
    for (const iovec& one : op.iovecs) size += one.iov_len;
    return op.work == Work::kFlush ? 0 : size;
  }
  static bool Changes(const Op& op) {
    return op.work == Work::kWrite || op.work == Work::kDiscard || op.work == Work::kZero;
  }

 private:
  class Engine final : public vmm::virtio::BlkEngine {
   public:
    explicit Engine(BlkStorage& storage) : storage_(&storage) {}
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() override {
      Check(storage_->started_.empty() && storage_->submitted_.empty(),
            "an engine ends after its operations");
    }
    void Start(Op& op) override {
      storage_->CheckRules(op);
      storage_->started(op);
      storage_->started_.push_back(&op);
    }
    void Submit() override {
      auto& all = storage_->submitted_;
      for (Op* const op : std::exchange(storage_->started_, {})) all.push_back(op);
    }

   private:
    BlkStorage* storage_;
  };

  void CheckRules(const Op& op) const {
    Check(!Changes(op) || !rules_.readonly, "a read-only disk is not changed");
    if (op.work == Work::kFlush) return;
    const uint64_t size = SizeOf(op);
    const bool moves = op.work == Work::kRead || op.work == Work::kWrite;
    Check(size != 0, "there is something to move");
    Check(!Changes(op) || !rules_.ends || Inside(bytes_, op.offset, size),
          "nothing is changed behind the end");
    Check(op.iovecs.size() <= IOV_MAX, "the kernel takes so many pieces");
    Check(op.offset % rules_.alignment == 0, "direct access is aligned");
    for (const iovec& one : op.iovecs) {
      const auto place = reinterpret_cast<uintptr_t>(one.iov_base) | one.iov_len;
      Check(!moves || place % rules_.alignment == 0, "direct access has aligned buffers");
    }
  }

  int64_t Perform(const Op& op, uint64_t most) {
    const bool whole = op.work == Work::kDiscard || op.work == Work::kZero;
    uint64_t size = std::min(SizeOf(op), whole ? UINT64_MAX : most);
    // As it does to a file that has become shorter meanwhile.
    if (op.work == Work::kWrite && op.offset + size > bytes_.size()) grown(op.offset + size);
    if (op.work == Work::kFlush || op.offset >= bytes_.size()) return 0;
    size = std::min(size, bytes_.size() - op.offset);
    std::byte* at = &bytes_[op.offset];
    if (whole) {
      std::fill_n(at, size, std::byte{0});
      return 0;
    }
    uint64_t left = size;
    for (const iovec& one : op.iovecs) {
      const auto part = static_cast<size_t>(std::min<uint64_t>(one.iov_len, left));
      if (op.work == Work::kRead) std::memcpy(one.iov_base, at, part);
      if (op.work == Work::kWrite) std::memcpy(at, one.iov_base, part);
      at += part;
      left -= part;
    }
    return static_cast<int64_t>(size);
  }

  std::vector<std::byte> bytes_;
  Rules rules_;
  vmm::virtio::BlkCallbacks callbacks_;
  std::vector<Op*> started_;
  std::vector<Op*> submitted_;
};

}  // namespace test
