#include "vmm/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace vmm {

base::Result<SignalSource> SignalSource::Create(std::span<const int> numbers) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) ::sigaddset(&set, number);
  base::Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return base::FailErrno("signalfd", errno);
  sigset_t previous;
  if (const int err = ::pthread_sigmask(SIG_BLOCK, &set, &previous); err != 0)
    return base::FailErrno("block signals", err);
  ::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow is an error of the write (RLIMIT_FSIZE).
  ::signal(SIGXFSZ, SIG_IGN);
  return SignalSource(std::move(fd), previous);
}

SignalSource::~SignalSource() {
  if (fd_.valid()) ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

std::optional<int> SignalSource::Take() const {
  signalfd_siginfo info{};
  if (::read(fd_.raw(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

bool SignalSource::pending() const {
  pollfd waiting{fd_.raw(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) == 1;
}

}  // namespace vmm
