#include "vmm/virtio/console.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>

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
// A terminal is ready when it has room for as many as this (tty_poll).
constexpr size_t kTerminalPiece = 256;
// So long a guest that says nothing goes without input.
constexpr std::chrono::seconds kSilence{5};

bool IsReady(const base::Fd& fd) {
  pollfd poll{fd.raw(), POLLOUT, 0};
  return ::poll(&poll, 1, 0) > 0;
}

std::vector<std::byte> ConfigOf(uint16_t columns, uint16_t rows) {
  std::vector<std::byte> config(kConfigBytes);
  base::StoreLe(config, 0, columns);
  base::StoreLe(config, 2, rows);
  base::StoreLe(config, 4, uint32_t{1});  // ports
  return config;
}

}  // namespace

void OutputRing::Push(std::span<const std::byte> bytes) {
  bytes_.resize(kRoom);
  if (bytes.size() > kRoom) {
    dropped_ += bytes.size() - kRoom;
    bytes = bytes.last(kRoom);
  }
  if (const size_t room = kRoom - size_; room < bytes.size()) {
    dropped_ += bytes.size() - room;
    Pop(bytes.size() - room);
  }
  for (const std::byte byte : bytes) bytes_[(first_ + size_++) % kRoom] = byte;
}

std::span<const std::byte> OutputRing::Front() const {
  return std::span(bytes_).subspan(first_, std::min(size_, bytes_.size() - first_));
}

void OutputRing::Pop(size_t count) {
  size_ -= count;
  first_ = (first_ + count) % kRoom;
}

class Console::Key {};

base::Result<std::unique_ptr<Console>> Console::Create(ConsoleOptions options) {
  return std::make_unique<Console>(Key(), std::move(options), TRY(base::EventFd::Create()));
}

Console::Console(Key, ConsoleOptions options, base::EventFd wake)
    : options_(std::move(options)),
      piece_(::isatty(options_.output.raw()) == 1 ? kTerminalPiece : PIPE_BUF),
      wake_(std::move(wake)) {
  model_.kind = kConsoleKind;
  model_.features = kSize | kEmergencyWrite;
  model_.queue_sizes = {64, 64};
  model_.config = ConfigOf(options_.columns, options_.rows);
  model_.config_writes = true;
}

Console::~Console() {
  auto copy = options_.output.Duplicate();
  if (!copy || ring_.size() == 0) return;
  FdSink sink(std::move(*copy), options_.name, FdSink::kConsolePatience);
  while (ring_.size() != 0) {
    const std::span<const std::byte> front = ring_.Front();
    sink.Write({reinterpret_cast<const uint8_t*>(front.data()), front.size()});
    ring_.Pop(front.size());
  }
}

base::Status Console::Start(uint64_t, EventLoop& loop) {
  loop_ = &loop;
  input_watch_ = TRY(loop.Add(wake_.fd(), [this] { OnInput(); }));
  silence_ = TRY(Timer::Create(loop, [this] { Listens(); }));
  TRY(silence_->Arm(kSilence));
  Drain();
  return {};
}

void Console::Stop() {
  input_watch_ = Watch();
  output_watch_ = Watch();
  silence_.reset();
  listens_ = false;
  waiting_ = false;
  loop_ = nullptr;
}

void Console::OnQueueStart(Worker& worker) {
  if (worker.index() == kReceive) receive_ = &worker;
}

void Console::OnQueueEnd(uint16_t queue) {
  if (queue == kReceive) receive_ = nullptr;
}

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
  if (worker.index() != kReceive) return true;
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

// Of a request beyond the ring's size only the end could stay.
void Console::HandleOutput(Worker& worker, const Chain& chain) {
  if (!listens_) Listens();
  std::array<std::byte, 4096> bytes;
  const uint64_t total = TotalSize(chain.readable);
  uint64_t done = total - std::min<uint64_t>(total, OutputRing::kRoom);
  while (done < total) {
    const auto piece = std::span(bytes).first(std::min<uint64_t>(bytes.size(), total - done));
    if (!CopyFrom(worker.ram(), chain.readable, done, piece)) break;
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
           options_.name, ring_.dropped() - told_);
  told_ = ring_.dropped();
}

void Console::Drain() {
  while (ring_.size() != 0 && IsReady(options_.output)) {
    const std::span<const std::byte> front = ring_.Front();
    const ssize_t count =
        ::write(options_.output.raw(), front.data(), std::min(front.size(), piece_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    // Nobody will read it: what is written is gone, as with a serial port.
    ring_.Pop(count < 0 ? front.size() : static_cast<size_t>(count));
  }
  TellDropped();
  if (loop_ == nullptr || waiting_ == (ring_.size() != 0)) return;
  output_watch_ = Watch();
  waiting_ = false;
  if (ring_.size() == 0) return;
  auto watch = loop_->Add(
      options_.output, [this] { Drain(); }, Wait::kWritable);
  if (!watch) return;
  output_watch_ = std::move(*watch);
  waiting_ = true;
}

}  // namespace vmm::virtio
