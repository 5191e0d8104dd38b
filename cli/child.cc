#include "cli/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "vmm/signals.h"

namespace cli {
namespace {

constexpr std::array kSignals = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

// The child's side: only async-signal-safe calls between fork and exec. The errno of a failed exec
// goes through the pipe, which a successful one closes.
[[noreturn]] void BecomeCommand(char* const* words, const std::vector<int>& inherited, int report,
                                pid_t parent) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  for (const int fd : inherited) ::fcntl(fd, F_SETFD, 0);
  ::execvp(words[0], words);
  const int err = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &err, sizeof err);
  ::_exit(127);
}

base::Result<int> WaitFor(pid_t pid, const vmm::SignalSource& signals) {
  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return base::FailErrno("pidfd_open", errno);
  std::array<pollfd, 2> events = {{{process.raw(), POLLIN, 0}, {signals.fd().raw(), POLLIN, 0}}};
  while ((events[0].revents & POLLIN) == 0) {
    if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
      return base::FailErrno("poll", errno);
    if ((events[1].revents & POLLIN) == 0) continue;
    const auto number = signals.Take();
    if (number && (*number == SIGTERM || *number == SIGHUP)) ::kill(pid, *number);
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) < 0) return base::FailErrno("waitpid", errno);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

base::Result<int> RunChild(ChildCommand command) {
  std::vector<char*> pointers;
  for (std::string& word : command.words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  std::vector<int> inherited;
  for (const base::Fd& fd : command.inherited) inherited.push_back(fd.raw());

  const auto signals = TRY(vmm::SignalSource::Create(kSignals));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return base::FailErrno("pipe", errno);
  const base::Fd report(ends[0]);
  base::Fd reporter(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return base::FailErrno("start " + command.words.front(), errno);
  if (pid == 0) BecomeCommand(pointers.data(), inherited, reporter.raw(), parent);
  reporter.Close();
  int err = 0;
  const ssize_t size = ::read(report.raw(), &err, sizeof err);
  if (size == sizeof err) {
    ::waitpid(pid, nullptr, 0);
    return base::FailErrno(command.words.front(), err);
  }
  command.inherited.clear();
  return WaitFor(pid, signals);
}

}  // namespace cli
