#include "vmm/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>

#include "sysfs/base/log.h"

namespace vmm {
namespace {

constexpr size_t kConsolePort = 0;
constexpr size_t kOutputPort = 1;
constexpr size_t kErrorPort = 2;
constexpr size_t kStatusPort = 3;
// No guest's end has an event for room in its input; piped input is offered again after this.
constexpr std::chrono::milliseconds kRetry{20};

base::Result<std::unique_ptr<FdSink>> SinkOf(int descriptor, std::string name,
                                             std::optional<std::chrono::milliseconds> patience) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return base::FailErrno(name, errno);
  return std::make_unique<FdSink>(base::Fd(copy), std::move(name), patience);
}

base::Result<std::unique_ptr<FdSink>> SinkOf(const std::string& path) {
  auto file = base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!file) {
    return base::Failure(std::move(file).error().With("--console").WithCode(base::Code::kUsage));
  }
  return std::make_unique<FdSink>(std::move(*file), path, FdSink::kConsolePatience);
}

}  // namespace

base::Result<std::unique_ptr<Console>> Console::Create(EventLoop& loop, const Options& options,
                                                       std::function<void()> quit) {
  std::unique_ptr<Console> console(new Console(loop, std::move(quit)));
  TRY(console->OpenOutputs(options));
  if (!options.exec) TRY(console->OpenInput());
  return console;
}

base::Status Console::OpenOutputs(const Options& options) {
  if (!options.console.empty()) {
    sinks_[kConsolePort] = TRY(SinkOf(options.console));
  } else {
    const int descriptor = options.exec ? STDERR_FILENO : STDOUT_FILENO;
    sinks_[kConsolePort] = TRY(SinkOf(descriptor, "console", FdSink::kConsolePatience));
  }
  if (options.exec) {
    sinks_[kOutputPort] = TRY(SinkOf(STDOUT_FILENO, "standard output", std::nullopt));
    sinks_[kErrorPort] = TRY(SinkOf(STDERR_FILENO, "standard error", std::nullopt));
    exec_.emplace();
  }
  return {};
}

base::Status Console::OpenInput() {
  retry_ = TRY(Timer::Create(*loop_, [this] { Deliver(); }));
  input_ = base::Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!input_.valid()) return {};
  auto watch = loop_->Add(input_, [this] { ReadInput(); });
  // A regular file or /dev/null cannot be waited for: the guest then has no input.
  if (!watch) return {};
  watch_ = std::move(*watch);
  terminal_.emplace(TRY(RawTerminal::Enter(input_)));
  if (terminal_->active()) base::Log(base::Level::kInfo, "vmm: Ctrl-A X ends the machine");
  return {};
}

std::array<SerialOutput, kSerialPorts.size()> Console::outputs() {
  std::array<SerialOutput, kSerialPorts.size()> outputs;
  for (size_t port = 0; port < sinks_.size(); ++port) {
    if (FdSink* sink = sinks_.at(port).get(); sink != nullptr) {
      outputs.at(port) = [sink](std::span<const uint8_t> bytes) { sink->Write(bytes); };
    }
  }
  if (exec_) {
    outputs[kStatusPort] = [this](std::span<const uint8_t> bytes) {
      const std::lock_guard lock(exec_mutex_);
      exec_->Feed(std::as_bytes(bytes));
    };
  }
  return outputs;
}

base::Result<virtio::ConsoleOptions> Console::VirtioOptions() const {
  const FdSink& sink = *sinks_[kConsolePort];
  virtio::ConsoleOptions options;
  options.output = TRY(sink.Output());
  options.name = sink.name();
  if (const auto terminal = SizeOf(options.output)) {
    options.columns = terminal->columns;
    options.rows = terminal->rows;
  }
  return options;
}

std::optional<TerminalSize> Console::size() const {
  const auto output = sinks_[kConsolePort]->Output();
  return output ? SizeOf(*output) : std::nullopt;
}

void Console::Connect(InputTaker taker) {
  taker_ = std::move(taker);
  {
    const std::lock_guard lock(exec_mutex_);
    if (exec_) exec_.emplace();
  }
  Deliver();
}

void Console::Disconnect() { taker_ = nullptr; }

void Console::ReadInput() {
  std::array<uint8_t, 512> bytes;
  const ssize_t count = ::read(input_.raw(), bytes.data(), bytes.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    watch_ = Watch();
    return;
  }
  const ConsoleInput input = escape_.Feed(std::span(bytes).first(static_cast<size_t>(count)));
  waiting_.insert(waiting_.end(), input.guest.begin(), input.guest.end());
  // Until the guest has taken this, nothing more is read: a pipe's writer waits.
  Deliver();
  for (const ConsoleInput::Command command : input.commands) {
    if (command == ConsoleInput::Command::kQuit) return quit_();
    sinks_[kConsolePort]->Write(
        {reinterpret_cast<const uint8_t*>(kConsoleHelp.data()), kConsoleHelp.size()});
  }
}

void Console::Deliver() {
  if (taker_ && !waiting_.empty()) {
    const size_t taken = taker_(waiting_);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(taken));
  }
  constexpr size_t kFull = size_t{64} * 1024;
  if (waiting_.size() > kFull) waiting_.resize(kFull);
  if (!waiting_.empty() && retry_) {
    if (const base::Status armed = retry_->Arm(kRetry); !armed) {
      base::Log(base::Level::kWarning, "console input: {}", armed.error().message());
    }
  }
}

bool Console::reached_command() {
  const std::lock_guard lock(exec_mutex_);
  return !exec_ || exec_->ready();
}

base::Result<int> Console::ExecStatus() {
  const std::lock_guard lock(exec_mutex_);
  return exec_ ? exec_->Finish() : base::Result<int>(0);
}

}  // namespace vmm
