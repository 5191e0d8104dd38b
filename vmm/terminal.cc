#include "vmm/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#include "sysfs/base/kernel.h"

namespace vmm {
namespace {

constexpr std::array kFatalSignals = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT};

// What a signal handler may touch: written before the handlers are there.
struct Saved {
  int fd = -1;
  termios settings{};
  std::array<struct sigaction, kFatalSignals.size()> actions{};
};
Saved saved;
std::atomic<bool> raw{false};

void RestoreSettings() {
  if (raw.exchange(false)) ::tcsetattr(saved.fd, TCSANOW, &saved.settings);
}

// Only async-signal-safe calls. The signal comes again with its former action: a fault by repeating
// the instruction, all others by raise.
void OnFatalSignal(int number) {
  RestoreSettings();
  for (size_t i = 0; i < kFatalSignals.size(); ++i) {
    if (kFatalSignals[i] == number) ::sigaction(number, &saved.actions[i], nullptr);
  }
  ::raise(number);
}

void CatchFatalSignals() {
  struct sigaction action {};
  action.sa_handler = OnFatalSignal;
  for (size_t i = 0; i < kFatalSignals.size(); ++i)
    ::sigaction(kFatalSignals[i], &action, &saved.actions[i]);
}

void ReleaseFatalSignals() {
  for (size_t i = 0; i < kFatalSignals.size(); ++i)
    ::sigaction(kFatalSignals[i], &saved.actions[i], nullptr);
}

termios MakeRaw(termios settings) {
  const tcflag_t output = settings.c_oflag;
  ::cfmakeraw(&settings);
  settings.c_oflag = output;
  return settings;
}

}  // namespace

std::optional<TerminalSize> SizeOf(const base::Fd& terminal) {
  winsize size{};
  if (!base::HostKernel().Ioctl(terminal, TIOCGWINSZ, &size, "TIOCGWINSZ")) return std::nullopt;
  if (size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  return TerminalSize{size.ws_col, size.ws_row};
}

base::Result<RawTerminal> RawTerminal::Enter(const base::Fd& terminal) {
  // Changing the terminal from the background would stop the process.
  if (::isatty(terminal.raw()) == 0 || ::tcgetpgrp(terminal.raw()) != ::getpgrp())
    return RawTerminal(false);
  if (raw.load()) return base::Fail(base::Code::kInternal, "the terminal is in raw mode already");
  saved.fd = terminal.raw();
  if (::tcgetattr(saved.fd, &saved.settings) != 0) return base::FailErrno("terminal", errno);
  CatchFatalSignals();
  raw.store(true);
  const termios settings = MakeRaw(saved.settings);
  if (::tcsetattr(saved.fd, TCSANOW, &settings) != 0) {
    const int err = errno;
    raw.store(false);
    ReleaseFatalSignals();
    return base::FailErrno("terminal", err);
  }
  return RawTerminal(true);
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : active_(std::exchange(other.active_, false)) {}

void RawTerminal::Restore() {
  if (!std::exchange(active_, false)) return;
  RestoreSettings();
  ReleaseFatalSignals();
}

}  // namespace vmm
