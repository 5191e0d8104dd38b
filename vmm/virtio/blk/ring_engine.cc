#include <fmt/format.h>
#include <liburing.h>
#include <linux/fs.h>

#include <cerrno>
#include <deque>

#include "vmm/virtio/blk/engine.h"

namespace vmm::virtio {
namespace {

// In flight at once; the rest waits here.
constexpr unsigned kEntries = 128;

class RingEngine final : public BlkEngine {
 public:
  explicit RingEngine(BlkCallbacks callbacks) : callbacks_(std::move(callbacks)) {}
  RingEngine(const RingEngine&) = delete;
  RingEngine& operator=(const RingEngine&) = delete;
  ~RingEngine() override;

  base::Status Open(const base::Fd& image, EventLoop& loop);
  void Start(BlkOp& op) override { waiting_.push_back(&op); }
  void Submit() override;

 private:
  void Prepare(io_uring_sqe& entry, BlkOp& op) const;
  void OnReady();

  const BlkCallbacks callbacks_;
  io_uring ring_{};
  bool open_ = false;
  int file_ = -1;
  std::deque<BlkOp*> waiting_;
  unsigned in_flight_ = 0;
  base::Fd poll_;
  Watch watch_;
};

base::Status RingEngine::Open(const base::Fd& image, EventLoop& loop) {
  const int made = ::io_uring_queue_init(kEntries, &ring_, 0);
  if (made < 0) return base::FailErrno("io_uring", -made);
  open_ = true;
  // Not registered: the kernel lets go of a ring's files, and so of their locks, some time after
  // the ring, or the process, has ended. What is in flight keeps the file, and its lock, as it
  // must.
  file_ = image.raw();
  // At most so many threads of the kernel for what cannot be done without waiting.
  unsigned workers[2] = {16, 16};
  static_cast<void>(::io_uring_register_iowq_max_workers(&ring_, workers));
  poll_ = base::Fd(::fcntl(ring_.ring_fd, F_DUPFD_CLOEXEC, 0));
  if (!poll_.valid()) return base::FailErrno("io_uring", errno);
  watch_ = TRY(loop.Add(poll_, [this] { OnReady(); }));
  return {};
}

RingEngine::~RingEngine() {
  watch_ = Watch();
  // The end of a ring does not wait for what it has begun.
  while (in_flight_ > 0) {
    io_uring_cqe* done = nullptr;
    if (::io_uring_wait_cqe(&ring_, &done) != 0) continue;
    ::io_uring_cqe_seen(&ring_, done);
    --in_flight_;
  }
  if (open_) ::io_uring_queue_exit(&ring_);
}

void RingEngine::Prepare(io_uring_sqe& entry, BlkOp& op) const {
  const auto count = static_cast<unsigned>(op.iovecs.size());
  const int flags = op.sync ? RWF_DSYNC : 0;
  switch (op.work) {
    case BlkWork::kRead:
      ::io_uring_prep_readv(&entry, file_, op.iovecs.data(), count, op.offset);
      break;
    case BlkWork::kWrite:
      ::io_uring_prep_writev2(&entry, file_, op.iovecs.data(), count, op.offset, flags);
      break;
    default:
      ::io_uring_prep_fsync(&entry, file_, IORING_FSYNC_DATASYNC);
      break;
  }
  ::io_uring_sqe_set_data(&entry, &op);
}

void RingEngine::Submit() {
  unsigned added = 0;
  while (!waiting_.empty() && in_flight_ < kEntries) {
    io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) break;
    Prepare(*entry, *waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
    ++added;
  }
  // What the kernel does not take now, it takes with the next ones; it has memory for at least one.
  while (added > 0 && ::io_uring_sq_ready(&ring_) > 0) {
    const int taken = ::io_uring_submit(&ring_);
    if (taken >= 0 || taken == -EINTR) continue;
    const bool others = in_flight_ > ::io_uring_sq_ready(&ring_);
    if (others || (taken != -EAGAIN && taken != -ENOMEM)) break;
  }
}

void RingEngine::OnReady() {
  io_uring_cqe* done = nullptr;
  while (::io_uring_peek_cqe(&ring_, &done) == 0 && done != nullptr) {
    auto* const op = static_cast<BlkOp*>(::io_uring_cqe_get_data(done));
    const int result = done->res;
    ::io_uring_cqe_seen(&ring_, done);
    --in_flight_;
    callbacks_.done(*op, result);
  }
  callbacks_.batch();
  if (::io_uring_sq_ready(&ring_) > 0) static_cast<void>(::io_uring_submit(&ring_));
  Submit();
}

}  // namespace

base::Result<std::unique_ptr<BlkEngine>> MakeRingEngine(const base::Fd& image, EventLoop& loop,
                                                        BlkCallbacks callbacks) {
  auto engine = std::make_unique<RingEngine>(std::move(callbacks));
  TRY(engine->Open(image, loop));
  return std::unique_ptr<BlkEngine>(std::move(engine));
}

}  // namespace vmm::virtio
