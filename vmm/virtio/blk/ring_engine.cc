#include <fcntl.h>
#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "vmm/virtio/blk/ring.h"

namespace vmm::virtio {
namespace {

constexpr unsigned kEntries = 128;      // that go to the kernel at once
constexpr unsigned kResults = 4096;     // that wait for us without further memory
constexpr unsigned kMostOfImage = 128;  // with the kernel at once; the rest waits here
constexpr unsigned kMostRounds = 4;     // of one Settle; the loop comes back for the rest
constexpr std::array kWork = {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC};

class RingEngine;

class KernelRing final : public BlkRing {
 public:
  KernelRing() = default;
  KernelRing(const KernelRing&) = delete;
  KernelRing& operator=(const KernelRing&) = delete;
  ~KernelRing() override;

  base::Status Open();
  base::Result<std::unique_ptr<BlkEngine>> MakeEngine(const base::Fd& image, EventLoop& loop,
                                                      BlkCallbacks callbacks) override;
  base::Status Join(RingEngine& engine, EventLoop& loop);
  void Leave(RingEngine& engine);
  // An entry, unless the kernel takes none.
  io_uring_sqe* Entry();
  void Push();
  // What is done, waiting for one when `wait`.
  void Reap(bool wait);
  // Hands out what is done. After a Push too: what the kernel has done without waiting needs no
  // turn of the loop. Those who start more meanwhile are part of its rounds.
  void Settle();

 private:
  base::Status Restrict();

  io_uring ring_{};
  bool open_ = false;
  base::Fd poll_;
  Watch watch_;
  std::vector<RingEngine*> engines_;
  unsigned in_flight_ = 0;
  bool settling_ = false;
};

class RingEngine final : public BlkEngine {
 public:
  RingEngine(KernelRing& ring, const base::Fd& image, BlkCallbacks callbacks)
      : ring_(&ring), file_(image.raw()), callbacks_(std::move(callbacks)) {}
  RingEngine(const RingEngine&) = delete;
  RingEngine& operator=(const RingEngine&) = delete;
  ~RingEngine() override;

  void Start(BlkOp& op) override {
    op.engine = this;
    waiting_.push_back(&op);
  }
  void Submit() override;
  void OnDone(BlkOp& op, int result);
  // After OnDone of all that were done together.
  void Show();

 private:
  void Prepare(io_uring_sqe& entry, BlkOp& op) const;

  KernelRing* const ring_;
  // Not registered: the kernel lets go of a ring's files, and so of their locks, some time after
  // the ring, or the process, has ended. What is in flight keeps the file, and its lock, as it
  // must.
  const int file_;
  const BlkCallbacks callbacks_;
  std::deque<BlkOp*> waiting_;
  unsigned in_flight_ = 0;
  bool done_some_ = false;
  bool ending_ = false;
};

base::Status KernelRing::Open() {
  io_uring_params params{};
  params.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
  params.cq_entries = kResults;
  const int made = ::io_uring_queue_init_params(kEntries, &ring_, &params);
  if (made < 0) return base::FailErrno("io_uring", -made);
  open_ = true;
  // At most so many threads of the kernel for what cannot be done without waiting (Linux 5.15).
  std::array<unsigned, 2> workers = {16, 16};
  static_cast<void>(::io_uring_register_iowq_max_workers(&ring_, workers.data()));
  TRY(Restrict());
  poll_ = base::Fd(::fcntl(ring_.ring_fd, F_DUPFD_CLOEXEC, 0));
  if (!poll_.valid()) return base::FailErrno("io_uring", errno);
  return {};
}

// Nothing can be registered any more, and no entry has flags.
base::Status KernelRing::Restrict() {
  std::array<io_uring_restriction, kWork.size()> allowed{};
  for (size_t i = 0; i < kWork.size(); ++i) {
    allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
    allowed[i].sqe_op = kWork[i];
  }
  const int bound = ::io_uring_register_restrictions(&ring_, allowed.data(), allowed.size());
  if (bound < 0) return base::FailErrno("io_uring's restrictions", -bound);
  const int enabled = ::io_uring_enable_rings(&ring_);
  if (enabled < 0) return base::FailErrno("io_uring", -enabled);
  return {};
}

KernelRing::~KernelRing() {
  if (open_) ::io_uring_queue_exit(&ring_);
}

base::Result<std::unique_ptr<BlkEngine>> KernelRing::MakeEngine(const base::Fd& image,
                                                                EventLoop& loop,
                                                                BlkCallbacks callbacks) {
  auto engine = std::make_unique<RingEngine>(*this, image, std::move(callbacks));
  TRY(Join(*engine, loop));
  return engine;
}

base::Status KernelRing::Join(RingEngine& engine, EventLoop& loop) {
  if (engines_.empty()) watch_ = TRY(loop.Add(poll_, [this] { Settle(); }));
  engines_.push_back(&engine);
  return {};
}

void KernelRing::Leave(RingEngine& engine) {
  std::erase(engines_, &engine);
  if (engines_.empty()) watch_ = Watch();
}

io_uring_sqe* KernelRing::Entry() {
  io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
  if (entry == nullptr) {
    Push();
    entry = ::io_uring_get_sqe(&ring_);
  }
  if (entry != nullptr) ++in_flight_;
  return entry;
}

// What the kernel does not take now, it takes when something is done; it has memory for at least
// one.
void KernelRing::Push() {
  while (::io_uring_sq_ready(&ring_) > 0) {
    const int taken = ::io_uring_submit(&ring_);
    if (taken >= 0 || taken == -EINTR) continue;
    const bool others = in_flight_ > ::io_uring_sq_ready(&ring_);
    if (others || (taken != -EAGAIN && taken != -ENOMEM)) break;
  }
}

void KernelRing::Reap(bool wait) {
  if (wait) static_cast<void>(::io_uring_submit_and_wait(&ring_, 1));
  io_uring_cqe* done = nullptr;
  while (::io_uring_peek_cqe(&ring_, &done) == 0 && done != nullptr) {
    auto* const op = static_cast<BlkOp*>(::io_uring_cqe_get_data(done));
    const int result = done->res;
    ::io_uring_cqe_seen(&ring_, done);
    --in_flight_;
    static_cast<RingEngine*>(op->engine)->OnDone(*op, result);
  }
}

void KernelRing::Settle() {
  if (std::exchange(settling_, true)) return;
  for (unsigned round = 0; round < kMostRounds; ++round) {
    if (::io_uring_cq_ready(&ring_) == 0) break;
    Reap(false);
    for (size_t i = 0; i < engines_.size(); ++i) engines_[i]->Show();
    Push();
  }
  settling_ = false;
}

RingEngine::~RingEngine() {
  // What it writes into outlives it, but not for long.
  ending_ = true;
  while (in_flight_ > 0) ring_->Reap(true);
  ring_->Leave(*this);
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
  while (!waiting_.empty() && in_flight_ < kMostOfImage) {
    io_uring_sqe* const entry = ring_->Entry();
    if (entry == nullptr) break;
    Prepare(*entry, *waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
  }
  ring_->Push();
  ring_->Settle();
}

void RingEngine::OnDone(BlkOp& op, int result) {
  --in_flight_;
  if (ending_) return;
  done_some_ = true;
  callbacks_.done(op, result);
}

void RingEngine::Show() {
  if (std::exchange(done_some_, false)) callbacks_.batch();
  if (!waiting_.empty()) Submit();
}

}  // namespace

base::Result<std::shared_ptr<BlkRing>> BlkRing::Create() {
  auto ring = std::make_shared<KernelRing>();
  TRY(ring->Open());
  return ring;
}

}  // namespace vmm::virtio
