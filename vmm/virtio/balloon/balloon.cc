#include "vmm/virtio/balloon/balloon.h"

#include <algorithm>

#include "sysfs/base/bits.h"
#include "sysfs/base/log.h"
#include "vmm/virtio/worker.h"

namespace vmm::virtio {
namespace {

// 5.5.4: pages wanted, pages given, the identifier of a hint (which is not offered), poison.
constexpr size_t kConfigBytes = 16;
constexpr uint64_t kActualOffset = 4;
constexpr uint64_t kPoisonOffset = 12;
constexpr uint16_t kQueueSize = 128;
// Restoring gives every page memory again, in the guest's own time.
constexpr std::chrono::seconds kPausePatience{60};

DeviceModel ModelOf(const BalloonShape& shape) {
  DeviceModel model;
  model.kind = kBalloonKind;
  model.features = balloon_feature::kMustTellHost | balloon_feature::kStatistics;
  model.queue_sizes = {kQueueSize, kQueueSize, kQueueSize};
  if (shape.deflate_on_oom) model.features |= balloon_feature::kDeflateOnOom;
  if (shape.reporting) {
    model.features |= balloon_feature::kReporting | balloon_feature::kPagePoison;
    model.queue_sizes.push_back(kQueueSize);
    // Without statistics its queue has another number.
    model.needs.push_back({balloon_feature::kReporting, balloon_feature::kStatistics});
  }
  if (shape.must_tell) model.needs.push_back({feature::kVersion1, balloon_feature::kMustTellHost});
  model.config.resize(kConfigBytes);
  base::StoreLe(std::span(model.config), 0, shape.target);
  // What the driver has written it reads back: BSD's goes on from there.
  for (const uint64_t field : {kActualOffset, kPoisonOffset}) {
    for (uint64_t i = 0; i < sizeof(uint32_t); ++i) {
      model.writable.push_back({static_cast<uint16_t>(field + i), 0xff});
    }
  }
  model.config_writes = true;
  model.pause_patience = kPausePatience;
  return model;
}

}  // namespace

Balloon::Balloon(BalloonShape shape, DmaRam& ram, Wiring wiring)
    : shape_(std::move(shape)),
      ram_(&ram),
      wiring_(std::move(wiring)),
      model_(ModelOf(shape_)),
      target_(shape_.target) {
  state_.target = target_ * base::kPageSize;
}

BalloonState Balloon::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::vector<std::byte> Balloon::Config() const {
  std::vector<std::byte> config(kConfigBytes);
  base::StoreLe(std::span(config), 0, target_);
  base::StoreLe(std::span(config), kActualOffset, actual_);
  base::StoreLe(std::span(config), kPoisonOffset, poison_);
  return config;
}

void Balloon::SetTarget(uint32_t pages) {
  target_ = pages;
  {
    const std::lock_guard lock(mutex_);
    state_.target = pages * base::kPageSize;
  }
  if (change_config_) change_config_(Config());
}

void Balloon::WriteConfig(uint64_t offset, Width width, uint64_t value) {
  if (width != Width::k4) return;
  if (offset == kPoisonOffset) poison_ = static_cast<uint32_t>(value);
  if (offset != kActualOffset) return;
  actual_ = static_cast<uint32_t>(value);
  {
    const std::lock_guard lock(mutex_);
    state_.actual = actual_ * base::kPageSize;
  }
  wiring_.changed(actual_ * base::kPageSize);
}

base::Status Balloon::Start(uint64_t features, EventLoop& loop) {
  turn_ = TRY(Timer::Create(loop, [this] { RunJobs(); }));
  ask_ = TRY(Timer::Create(loop, [this] {
    AskForStatistics();
    ArmStatistics();
  }));
  const bool reporting = (features & balloon_feature::kReporting) != 0;
  const bool tells = (features & balloon_feature::kMustTellHost) != 0 && !reporting;
  ram_->SetDriver(tells ? DmaRam::Driver::kTells : DmaRam::Driver::kUses);
  ArmStatistics();
  const std::lock_guard lock(mutex_);
  state_.driver = true;
  state_.tells = tells;
  state_.reporting = reporting;
  return {};
}

void Balloon::ArmStatistics() {
  if (shape_.statistics.count() > 0) static_cast<void>(ask_->Arm(shape_.statistics));
}

bool Balloon::Wants(Worker& worker) {
  return worker.index() > kDeflate || jobs_[worker.index()].worker == nullptr;
}

void Balloon::Handle(Worker& worker, const Chain& chain) {
  if (worker.index() == kStatistics) return HandleStatistics(worker, chain);
  if (worker.index() == kReporting) return HandleReport(worker, chain);
  Job& job = jobs_[worker.index()];
  job = {&worker, chain, 0, false};
  const Turn turn = Advance(job);
  if (turn == Turn::kDone) return Finish(job);
  static_cast<void>(turn_->Arm(turn == Turn::kStuck ? kRetry : std::chrono::seconds(0)));
}

// Numbers of pages, 4 bytes each (5.5.6). What cannot be read is the guest's own mistake.
Balloon::Turn Balloon::Advance(Job& job) {
  std::array<uint32_t, kPagesOfTurn> pages;
  const uint64_t left = (TotalSize(job.chain.readable) - job.offset) / sizeof(uint32_t);
  const auto some = std::span(pages).first(std::min<uint64_t>(left, pages.size()));
  if (some.empty()) return Turn::kDone;
  const GuestRam& ram = job.worker->ram();
  if (!CopyFrom(ram, job.chain.readable, job.offset, std::as_writable_bytes(some))) {
    return Turn::kDone;
  }
  size_t done = 0;
  if (job.worker->index() == kInflate) {
    done = ram_->Inflate(some);
  } else {
    const auto mapped = ram_->Deflate(some);
    if (!mapped) {
      if (!std::exchange(job.stuck, true)) wiring_.stuck(mapped.error());
      return Turn::kStuck;
    }
    done = *mapped;
  }
  job.offset += done * sizeof(uint32_t);
  return done == left ? Turn::kDone : Turn::kMore;
}

void Balloon::Finish(Job& job) {
  Worker* const worker = std::exchange(job.worker, nullptr);
  worker->Finish(job.chain, 0);
}

void Balloon::RunJobs() {
  bool more = false, stuck = false;
  for (Job& job : jobs_) {
    if (job.worker == nullptr) continue;
    const Turn turn = Advance(job);
    more = more || turn == Turn::kMore;
    stuck = stuck || turn == Turn::kStuck;
    if (turn != Turn::kDone) continue;
    Worker* const worker = job.worker;
    Finish(job);
    worker->Show();
    worker->Go();
    // Another request of the queue may have armed the timer, which is armed anew below.
    more = more || job.worker != nullptr;
  }
  if (more || stuck) static_cast<void>(turn_->Arm(more ? std::chrono::seconds(0) : kRetry));
}

// The guest gives one buffer and has it back when somebody asks for fresh numbers. A second one
// means that it does not know this: it has the first one back.
void Balloon::HandleStatistics(Worker& worker, const Chain& chain) {
  std::array<std::byte, kMostStatistics * kStatisticBytes> bytes;
  const auto some =
      std::span(bytes).first(std::min<uint64_t>(TotalSize(chain.readable), bytes.size()));
  if (CopyFrom(worker.ram(), chain.readable, 0, some)) {
    const std::lock_guard lock(mutex_);
    state_.statistics = ParseStatistics(some);
    state_.told = std::chrono::steady_clock::now();
  }
  if (statistics_ != nullptr) worker.Finish(statistics_buffer_, 0);
  statistics_ = &worker;
  statistics_buffer_ = chain;
}

void Balloon::AskForStatistics() { GiveStatisticsBack(); }

void Balloon::GiveStatisticsBack() {
  if (statistics_ == nullptr) return;
  Worker* const worker = std::exchange(statistics_, nullptr);
  worker->Finish(statistics_buffer_, 0);
  worker->Show();
}

// The pages themselves (5.5.6.7). A guest that says what its free pages hold has to find that in
// them, and zeroes are something else.
void Balloon::HandleReport(Worker& worker, const Chain& chain) {
  for (const Buffer& buffer : chain.writable) {
    const uint64_t first = base::AlignUp(buffer.address, base::kPageSize);
    const uint64_t end = base::AlignDown(buffer.address + buffer.size, base::kPageSize);
    if (poison_ != 0 || first < buffer.address || end <= first) continue;
    static_cast<void>(ram_->Report({first, end - first}));
  }
  worker.Finish(chain, 0);
}

// Requests that only wait end here. What a deflate has not come to is the guest's all the same.
void Balloon::LetGo() {
  GiveStatisticsBack();
  bool dropped = false;
  for (Job& job : jobs_) {
    if (job.worker == nullptr) continue;
    dropped = true;
    Worker* const worker = job.worker;
    Finish(job);
    worker->Show();
    worker->Go();
  }
  if (dropped) Restore();
}

void Balloon::Restore() {
  if (const base::Status restored = ram_->Restore(); !restored) wiring_.lost(restored.error());
}

void Balloon::Stop() {
  Restore();
  ram_->SetDriver(DmaRam::Driver::kNone);
  turn_.reset();
  ask_.reset();
  poison_ = actual_ = 0;
  uint64_t had = 0;
  {
    const std::lock_guard lock(mutex_);
    had = state_.actual;
    state_ = {};
    state_.target = target_ * base::kPageSize;
  }
  if (had != 0) wiring_.changed(0);
}

}  // namespace vmm::virtio
