#include "vmm/virtio/worker.h"

#include <utility>

namespace vmm::virtio {

std::unique_ptr<Runner> Device::MakeRunner(uint16_t, const ActiveQueue&, const GuestRam&,
                                           const base::EventFd&, const RunnerWiring&) {
  return nullptr;
}

Worker::Worker(uint16_t index, const ActiveQueue& queue, const GuestRam& ram, Device& device,
               const base::EventFd& kick, const RunnerWiring& wiring)
    : index_(index),
      ram_(&ram),
      device_(&device),
      kick_(&kick),
      wiring_(&wiring),
      queue_(queue, ram) {}

base::Status Worker::Start(EventLoop& loop) {
  loop_ = &loop;
  watch_ = TRY(loop.Add(kick_->fd(), [this] { OnKick(); }));
  Run();
  return {};
}

void Worker::OnKick() {
  // Taken also when there is nothing to do with it: the loop would come back for ever.
  static_cast<void>(kick_->Take());
  DeviceCounters::Count(wiring_->counters->kicks);
  Run();
}

Worker::Turn Worker::TakeSome(unsigned& left) {
  for (; left > 0; --left) {
    if (!device_->Wants(*this)) return Turn::kUnwanted;
    if (queue_.Take(chain_) != Taken::kChain) return Turn::kEmpty;
    ++with_device_;
    DeviceCounters::Count(wiring_->counters->requests);
    worked_ = true;
    device_->Handle(*this, chain_);
  }
  return Turn::kOver;
}

void Worker::Run() {
  unsigned left = queue_.size();
  while (!paused_) {
    queue_.Disarm();
    const Turn turn = TakeSome(left);
    // Results of before first, then new work for the kernel.
    Show();
    const bool worked = std::exchange(worked_, false);
    if (worked) {
      DeviceCounters::Count(wiring_->counters->batches);
      device_->Submit();
    }
    if (queue_.fault() && !std::exchange(reported_, true)) {
      wiring_->broken(index_, *queue_.fault());
    }
    const bool looks_again = worked && turn != Turn::kOver && loop_->Yield();
    if (!looks_again && (turn == Turn::kUnwanted || (turn == Turn::kEmpty && !queue_.Arm()))) {
      return;
    }
    // A look without a request counts too: a guest that takes back what it has shown gets no more.
    if (left > 1) {
      --left;
      continue;
    }
    // The queue's turn is over before its requests are.
    static_cast<void>(kick_->Signal());
    return;
  }
}

void Worker::Finish(const Chain& chain, uint32_t written) {
  --with_device_;
  if (paused_) {
    held_.push_back({chain, written});
    if (with_device_ == 0 && idle_) std::exchange(idle_, nullptr)();
    return;
  }
  queue_.Put(chain, written);
  unseen_ = true;
}

void Worker::Show() {
  if (paused_ || !std::exchange(unseen_, false)) return;
  if (queue_.Publish()) {
    DeviceCounters::Count(wiring_->counters->interrupts);
    wiring_->interrupt(index_);
  } else {
    DeviceCounters::Count(wiring_->counters->suppressed);
  }
}

void Worker::Pause(std::function<void()> done) {
  paused_ = true;
  device_->LetGo(index_);
  if (with_device_ == 0) return done();
  // An earlier pause may not be over yet.
  idle_ = [first = std::move(idle_), done = std::move(done)] {
    if (first) first();
    done();
  };
}

void Worker::End(std::function<void()> done) {
  ending_ = true;
  Pause(std::move(done));
}

void Worker::Resume() {
  if (ending_ || !std::exchange(paused_, false)) return;
  if (idle_) std::exchange(idle_, nullptr)();
  unseen_ = !held_.empty();
  for (const Result& result : held_) queue_.Put(result.chain, result.written);
  held_.clear();
  Show();
  Run();
}

}  // namespace vmm::virtio
