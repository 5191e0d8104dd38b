#include "vmm/virtio/console/console.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "sysfs/base/bits.h"
#include "sysfs/base/log.h"
#include "vmm/devices/fd_sink.h"
#include "vmm/virtio/worker.h"

namespace vmm::virtio {
namespace {

// 5.3.3 and 5.3.4.
constexpr uint64_t kSize = 1u << 0;
constexpr uint64_t kEmergencyWrite = 1u << 2;
constexpr uint64_t kEmergencyOffset = 8;
constexpr size_t kConfigBytes = 12;
// So long a guest that says nothing goes without input.
constexpr std::chrono::seconds kSilence{5};

std::vector<std::byte> ConfigOf(uint16_t columns, uint16_t rows) {
  std::vector<std::byte> config(kConfigBytes);
  base::StoreLe(config, 0, columns);
  base::StoreLe(config, 2, rows);
  base::StoreLe(config, 4, uint32_t{1});  // ports
  return config;
}

}  // namespace

class Console::Key {};

base::Result<std::unique_ptr<Console>> Console::Create(ConsoleOptions options) {
  auto output = TRY(MakeConsoleOutput(std::move(options.output), options.name));
  return Create(std::move(options), std::move(output));
}

base::Result<std::unique_ptr<Console>> Console::Create(ConsoleOptions options,
                                                       std::unique_ptr<ConsoleOutput> output) {
  return std::make_unique<Console>(Key(), std::move(options), std::move(output),
                                   TRY(base::EventFd::Create()));
}

Console::Console(Key, ConsoleOptions options, std::unique_ptr<ConsoleOutput> output,
                 base::EventFd wake)
    : name_(std::move(options.name)), output_(std::move(output)), wake_(std::move(wake)) {
  model_.kind = kConsoleKind;
  model_.features = kSize | kEmergencyWrite;
  model_.queue_sizes = {64, 64};
  model_.config = ConfigOf(options.columns, options.rows);
  model_.config_writes = true;
}

Console::~Console() { output_->End(ring_); }

base::Status Console::Start(uint64_t, EventLoop& loop) {
  loop_ = &loop;
  input_watch_ = TRY(loop.Add(wake_.fd(), [this] { OnInput(); }));
  silence_ = TRY(Timer::Create(loop, [this] { Listens(); }));
  TRY(silence_->Arm(kSilence));
  patience_ = TRY(Timer::Create(loop, [this] { OnPatienceOver(); }));
  Drain();
  return {};
}

void Console::Stop() {
  input_watch_ = Watch();
  output_watch_ = Watch();
  silence_.reset();
  patience_.reset();
  listens_ = false;
  waiting_ = false;
  held_ = false;
  loop_ = nullptr;
}

void Console::OnQueueStart(Worker& worker) {
  (worker.index() == kReceive ? receive_ : transmit_) = &worker;
}

void Console::OnQueueEnd(uint16_t queue) { (queue == kReceive ? receive_ : transmit_) = nullptr; }

size_t Console::Input(std::span<const uint8_t> bytes) {
  const std::lock_guard lock(mutex_);
  const size_t taken = std::min(bytes.size(), kMostInput - input_.size());
  for (const uint8_t byte : bytes.first(taken)) input_.push_back(std::byte{byte});
  if (taken != 0) static_cast<void>(wake_.Signal());
  return taken;
}

void Console::OnInput() {
  static_cast<void>(wake_.Take());
  if (receive_ != nullptr) receive_->Go();
}

void Console::Listens() {
  listens_ = true;
  if (receive_ != nullptr) receive_->Go();
}

void Console::Resize(uint16_t columns, uint16_t rows) {
  if (change_config_) change_config_(ConfigOf(columns, rows));
}

// One character, from a guest that may have no driver at all (5.3.6.2).
void Console::WriteConfig(uint64_t offset, Width, uint64_t value) {
  if (offset != kEmergencyOffset) return;
  const auto byte = static_cast<std::byte>(value);
  ring_.Push({&byte, 1});
  Drain();
}

bool Console::Wants(Worker& worker) {
  if (worker.index() != kReceive) return !HoldsBack();
  if (!listens_) return false;
  const std::lock_guard lock(mutex_);
  return !input_.empty();
}

void Console::Handle(Worker& worker, const Chain& chain) {
  if (worker.index() == kReceive) {
    HandleInput(worker, chain);
  } else {
    HandleOutput(worker, chain);
  }
}

void Console::HandleOutput(Worker& worker, const Chain& chain) {
  if (!listens_) Listens();
  std::array<std::byte, 4096> bytes;
  const uint64_t total = TotalSize(chain.readable);
  uint64_t done = total - std::min<uint64_t>(total, kMostOutput);
  ring_.Lose(done);
  while (done < total) {
    const auto piece = std::span(bytes).first(std::min<uint64_t>(bytes.size(), total - done));
    if (!CopyFrom(worker.ram(), chain.readable, done, piece)) break;
    if (OutputRing::kRoom - ring_.size() < piece.size()) TakeOut();
    ring_.Push(piece);
    done += piece.size();
  }
  worker.Finish(chain, 0);
}

void Console::HandleInput(Worker& worker, const Chain& chain) {
  std::vector<std::byte> bytes;
  {
    const std::lock_guard lock(mutex_);
    const uint64_t count = std::min<uint64_t>(TotalSize(chain.writable), input_.size());
    bytes.assign(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  const bool told = CopyTo(worker.ram(), chain.writable, 0, bytes);
  if (told) {
    const std::lock_guard lock(mutex_);
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(bytes.size()));
  }
  worker.Finish(chain, told ? static_cast<uint32_t>(bytes.size()) : 0);
}

// Not before it takes output again: standard error may be the same terminal, or pipe, and who
// writes there would wait for it.
void Console::TellDropped() {
  if (ring_.size() != 0 || ring_.dropped() == told_) return;
  log_.Log(base::Level::kWarning, "{}: took no output for a while; {} bytes of the guest are lost",
           name_, ring_.dropped() - told_);
  told_ = ring_.dropped();
}

void Console::TakeOut() {
  while (ring_.size() != 0) {
    const size_t taken = output_->Take(ring_.Front());
    if (taken == 0) return;
    ring_.Pop(taken);
    stalled_ = false;
  }
}

// Until the output is ready, or patience is over.
bool Console::HoldsBack() {
  constexpr size_t kHalf = OutputRing::kRoom / 2;
  if (!output_->keeps_pace() || stalled_ || ring_.size() <= kHalf) return false;
  TakeOut();
  if (ring_.size() <= kHalf) return false;
  if (std::exchange(held_, true)) return true;
  if (patience_->Arm(FdSink::kConsolePatience)) return true;
  return held_ = false;
}

void Console::Drain() {
  TakeOut();
  TellDropped();
  const bool wants = ring_.size() != 0 || held_;
  if (loop_ == nullptr || waiting_ == wants) return;
  output_watch_ = Watch();
  waiting_ = false;
  if (!wants) return;
  auto watch = output_->WhenReady(*loop_, [this] { OnReady(); });
  if (watch) {
    output_watch_ = std::move(*watch);
    waiting_ = true;
  } else {
    // Nothing would end it.
    stalled_ = true;
  }
}

void Console::OnReady() {
  Drain();
  GoOn();
}

void Console::OnPatienceOver() {
  if (held_) stalled_ = true;
  GoOn();
}

void Console::GoOn() {
  if (std::exchange(held_, false) && transmit_ != nullptr) transmit_->Go();
}

}  // namespace vmm::virtio
