// The life of a virtio device, from its driver's start to its reset: what goes to the I/O thread
// and what is waited for.
#include <fmt/format.h>

#include <memory>

#include "vmm/pci/registers.h"
#include "vmm/virtio/virtio_pci.h"

namespace vmm::virtio {
namespace {

constexpr uint8_t kConfigInterrupt = 2;
constexpr std::chrono::milliseconds kPausePatience{100};
constexpr std::chrono::seconds kDrainPatience{5};

// To be called so many times: the last one calls `done`.
std::function<void()> CountDown(size_t count, std::function<void()> done) {
  return [left = std::make_shared<size_t>(count), done = std::move(done)] {
    if (--*left == 0) done();
  };
}

// In the place of a device that has gone.
class Shell final : public Device {
 public:
  explicit Shell(DeviceModel model) : model_(std::move(model)) {}
  const DeviceModel& model() const override { return model_; }
  base::Status Start(uint64_t, EventLoop&) override {
    return base::Fail(base::Code::kNotFound, "the device has left");
  }
  void Handle(Worker& worker, const Chain& chain) override { worker.Finish(chain, 0); }

 private:
  const DeviceModel model_;
};

}  // namespace

std::unique_ptr<Device> VirtioPci::Retire() {
  const std::lock_guard lock(mutex_);
  return std::exchange(device_, std::make_unique<Shell>(device_->model()));
}

void VirtioPci::Post(std::function<void()> function) {
  io_->loop().Post([self = shared_from_this(), function = std::move(function)] { function(); });
}

void VirtioPci::FailLocked(std::string_view why) {
  log_.Log(base::Level::kWarning, "{}: stopped until the guest resets it: {}", options_.name, why);
  registers_.SetNeedsReset();
  if (registers_.driver_ok()) InterruptLocked(kConfigInterrupt, registers_.config_vector());
}

std::optional<ActiveQueue> VirtioPci::CheckQueueLocked(uint16_t index) {
  const auto queue =
      ActiveQueue::Check(registers_.queues()[index].setup, registers_.ring_features(), *ram_);
  if (queue) return *queue;
  FailLocked(fmt::format("queue {}: {}", index, FaultText(queue.error())));
  return std::nullopt;
}

void VirtioPci::StartLocked() {
  if (started_) return;
  std::vector<std::pair<uint16_t, ActiveQueue>> queues;
  for (uint16_t index = 0; index < kicks_.size(); ++index) {
    if (!registers_.queues()[index].enabled) continue;
    const auto queue = CheckQueueLocked(index);
    if (!queue) return;
    queues.emplace_back(index, *queue);
  }
  started_ = true;
  SetDoorbellsLocked();
  const bool master =
      (config_.Shadow(sysfs::registers::header::kCommand, Width::k2) & pci::kCommandMaster) != 0;
  const auto run = [this, queues, master, features = registers_.features()] {
    io_side_.master = master;
    if (!RunDevice(features)) return;
    for (const auto& [index, queue] : queues) RunQueue(index, queue);
  };
  Post(run);
}

void VirtioPci::StartQueueLocked(uint16_t index) {
  if (!started_) return;
  const auto queue = CheckQueueLocked(index);
  if (!queue) return;
  SetDoorbellsLocked();
  Post([this, index, active = *queue] { RunQueue(index, active); });
}

void VirtioPci::ResetLocked(Lock& lock, std::chrono::milliseconds patience) {
  if (!started_ && !resetting_) {
    registers_.Reset();
    ResetConfigLocked();
    isr_ = 0;
    return;
  }
  if (!resetting_) {
    resetting_ = true;
    doorbells_.clear();
    Post([this] { EndDevice(); });
  }
  if (!quiet_.wait_for(lock, patience, [this] { return !resetting_; })) {
    log_.Log(base::Level::kWarning, "{}: its reset waits for requests in progress on the host",
             options_.name);
  }
}

void VirtioPci::Drain() {
  Lock lock(mutex_);
  if (quiet_.wait_for(lock, kDrainPatience, [this] { return !resetting_; })) return;
  base::Log(base::Level::kWarning, "{}: the host has requests of it in progress: waiting for them",
            options_.name);
  quiet_.wait(lock, [this] { return !resetting_; });
}

void VirtioPci::ResetQueueLocked(Lock& lock, uint16_t index) {
  Post([this, index] { EndQueue(index); });
  // A reset of the whole device may overtake it.
  quiet_.wait_for(lock, kPausePatience,
                  [this, index] { return !registers_.queues()[index].resetting; });
}

void VirtioPci::SetMasterLocked(bool on) {
  if (!started_ || resetting_) return;
  if (on) {
    Post([this] { ResumeAll(); });
    return;
  }
  ++pauses_;
  Post([this] { PauseAll(); });
  pause_begun_ = true;
}

std::function<void()> VirtioPci::Waiting() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(pause_begun_, false)) return {};
  return [self = shared_from_this(), patience = device_->model().pause_patience] {
    Lock own(self->mutex_);
    self->quiet_.wait_for(own, patience, [&] { return self->pauses_ == 0; });
  };
}

void VirtioPci::EndDevice() {
  // Who waits for the end may let go of it at once.
  const auto end = [this, self = shared_from_this()] {
    device_->Stop();
    FinishReset();
    if (options_.was_reset) options_.was_reset();
  };
  EndQueues(RunningQueues(), [this, end] { device_->Flush(end); });
}

void VirtioPci::FinishReset() {
  const std::lock_guard lock(mutex_);
  registers_.Reset();
  ResetConfigLocked();
  isr_ = 0;
  started_ = resetting_ = false;
  quiet_.notify_all();
}

bool VirtioPci::quiet() const {
  const std::lock_guard lock(mutex_);
  return !resetting_;
}

void VirtioPci::EndQueue(uint16_t index) {
  const auto end = [this, index] {
    const std::lock_guard lock(mutex_);
    registers_.FinishQueueReset(index);
    quiet_.notify_all();
  };
  EndQueues({index}, end);
}

void VirtioPci::PauseAll() {
  io_side_.master = false;
  const std::vector<uint16_t> running = RunningQueues();
  const auto one = CountDown(running.size() + 1, [this] {
    device_->OnMasterOff();
    const std::lock_guard lock(mutex_);
    --pauses_;
    quiet_.notify_all();
  });
  for (const uint16_t index : running) io_side_.runners[index]->Pause(one);
  device_->LetGo();
  one();
}

void VirtioPci::ResumeAll() {
  io_side_.master = true;
  for (const auto& runner : io_side_.runners) {
    if (runner) runner->Resume();
  }
}

void VirtioPci::RewireAll() {
  {
    const std::lock_guard lock(mutex_);
    rewires_ = false;
  }
  for (const auto& runner : io_side_.runners) {
    if (runner) runner->Rewire();
  }
}

bool VirtioPci::RunDevice(uint64_t features) {
  const base::Status started = device_->Start(features, io_->loop());
  if (started) return true;
  const std::lock_guard lock(mutex_);
  FailLocked(started.error().message());
  return false;
}

void VirtioPci::RunQueue(uint16_t index, const ActiveQueue& queue) {
  auto& runner = io_side_.runners[index];
  runner = device_->MakeRunner(index, queue, *ram_, kicks_[index], wiring_);
  if (!runner) {
    auto worker = std::make_unique<Worker>(index, queue, *ram_, *device_, kicks_[index], wiring_);
    device_->OnQueueStart(*worker);
    runner = std::move(worker);
  }
  if (!io_side_.master) runner->Pause([] {});
  if (const base::Status started = runner->Start(io_->loop()); !started) {
    device_->OnQueueEnd(index);
    runner.reset();
    const std::lock_guard lock(mutex_);
    FailLocked(started.error().message());
  }
}

std::vector<uint16_t> VirtioPci::RunningQueues() const {
  std::vector<uint16_t> running;
  for (const auto& runner : io_side_.runners) {
    if (runner) running.push_back(runner->index());
  }
  return running;
}

// A worker may be in the middle of its last call when it is idle, so it goes in a later turn.
void VirtioPci::EndQueues(const std::vector<uint16_t>& queues, std::function<void()> done) {
  const auto drop = [this, queues, done = std::move(done)] {
    for (const uint16_t index : queues) {
      if (!io_side_.runners[index]) continue;
      device_->OnQueueEnd(index);
      io_side_.runners[index].reset();
    }
    done();
  };
  const auto one = CountDown(queues.size() + 1, [this, drop] { Post(drop); });
  for (const uint16_t index : queues) {
    if (const auto& runner = io_side_.runners[index]) {
      runner->End(one);
    } else {
      one();
    }
  }
  device_->LetGo();
  one();
}

void VirtioPci::OnBroken(uint16_t queue, QueueFault fault) {
  const std::lock_guard lock(mutex_);
  FailLocked(fmt::format("queue {}: {}", queue, FaultText(fault)));
  if (options_.broken) options_.broken(queue, FaultText(fault));
}

}  // namespace vmm::virtio
