#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "sysfs/base/kernel.h"
#include "vmm/thread.h"
#include "vmm/virtio/blk/engine.h"

namespace vmm::virtio {
namespace {

int64_t ResultOf(int64_t result) { return result < 0 ? -errno : result; }

int64_t WriteZeroes(const base::Fd& image, const BlkOp& op) {
  // Also what direct access takes.
  alignas(4096) static const std::array<std::byte, size_t{1} << 16> kZeroes{};
  for (uint64_t done = 0; done < op.size;) {
    const size_t now = std::min<uint64_t>(kZeroes.size(), op.size - done);
    const ssize_t written =
        ::pwrite(image.raw(), kZeroes.data(), now, static_cast<off_t>(op.offset + done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    done += static_cast<uint64_t>(written);
  }
  return 0;
}

int64_t Allocate(const base::Fd& image, const BlkOp& op, int mode) {
  return ResultOf(::fallocate(image.raw(), mode | FALLOC_FL_KEEP_SIZE,
                              static_cast<off_t>(op.offset), static_cast<off_t>(op.size)));
}

int64_t BlockRange(const base::Fd& image, const BlkOp& op, unsigned long request,
                   std::string_view name) {
  std::array<uint64_t, 2> range = {op.offset, op.size};
  const auto result = base::HostKernel().Ioctl(image, request, range.data(), name);
  return result ? 0 : -result.error().err();
}

int64_t Discard(const base::Fd& image, const BlkOp& op) {
  if (op.block_device) return BlockRange(image, op, BLKDISCARD, "BLKDISCARD");
  return Allocate(image, op, FALLOC_FL_PUNCH_HOLE);
}

int64_t Zero(const base::Fd& image, const BlkOp& op) {
  if (op.block_device) return BlockRange(image, op, BLKZEROOUT, "BLKZEROOUT");
  const int64_t done =
      Allocate(image, op, op.may_unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
  return done == -EOPNOTSUPP ? WriteZeroes(image, op) : done;
}

class ThreadEngine final : public BlkEngine {
 public:
  ThreadEngine(const base::Fd& image, BlkCallbacks callbacks, base::EventFd ready)
      : image_(&image), callbacks_(std::move(callbacks)), ready_(std::move(ready)) {}
  ThreadEngine(const ThreadEngine&) = delete;
  ThreadEngine& operator=(const ThreadEngine&) = delete;
  ~ThreadEngine() override;

  base::Status Open(EventLoop& loop);
  void Start(BlkOp& op) override { started_.push_back(&op); }
  void Submit() override;

 private:
  struct Done {
    BlkOp* op;
    int64_t result;
  };
  void Work();
  void OnReady();

  const base::Fd* image_;
  const BlkCallbacks callbacks_;
  const base::EventFd ready_;
  std::vector<BlkOp*> started_;

  std::mutex mutex_;  // of the three below
  std::condition_variable change_;
  std::deque<BlkOp*> waiting_;
  std::vector<Done> done_;
  bool end_ = false;

  Watch watch_;
  Thread thread_;
};

base::Status ThreadEngine::Open(EventLoop& loop) {
  watch_ = TRY(loop.Add(ready_.fd(), [this] { OnReady(); }));
  thread_ = TRY(Thread::Start("disk", [this] { Work(); }));
  return {};
}

ThreadEngine::~ThreadEngine() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
    change_.notify_all();
  }
  thread_.Join();
}

void ThreadEngine::Submit() {
  if (started_.empty()) return;
  const std::lock_guard lock(mutex_);
  waiting_.insert(waiting_.end(), started_.begin(), started_.end());
  started_.clear();
  change_.notify_all();
}

void ThreadEngine::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    change_.wait(lock, [this] { return end_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    BlkOp* const op = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    const int64_t result = Perform(*image_, *op);
    lock.lock();
    done_.push_back({op, result});
    static_cast<void>(ready_.Signal());
  }
}

void ThreadEngine::OnReady() {
  static_cast<void>(ready_.Take());
  std::vector<Done> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  for (const Done& one : done) callbacks_.done(*one.op, one.result);
  callbacks_.batch();
  Submit();
}

}  // namespace

int64_t Perform(const base::Fd& image, const BlkOp& op) {
  const auto count = static_cast<int>(op.iovecs.size());
  const auto offset = static_cast<off_t>(op.offset);
  int64_t result = 0;
  switch (op.work) {
    case BlkWork::kRead:
      return ResultOf(::preadv2(image.raw(), op.iovecs.data(), count, offset, 0));
    case BlkWork::kWrite:
      return ResultOf(
          ::pwritev2(image.raw(), op.iovecs.data(), count, offset, op.sync ? RWF_DSYNC : 0));
    case BlkWork::kDiscard:
      result = Discard(image, op);
      break;
    case BlkWork::kZero:
      result = Zero(image, op);
      break;
    default:
      return ResultOf(::fdatasync(image.raw()));
  }
  return result == 0 && op.sync ? ResultOf(::fdatasync(image.raw())) : result;
}

base::Result<std::unique_ptr<BlkEngine>> MakeThreadEngine(const base::Fd& image, EventLoop& loop,
                                                          BlkCallbacks callbacks) {
  auto engine =
      std::make_unique<ThreadEngine>(image, std::move(callbacks), TRY(base::EventFd::Create()));
  TRY(engine->Open(loop));
  return std::unique_ptr<BlkEngine>(std::move(engine));
}

}  // namespace vmm::virtio
