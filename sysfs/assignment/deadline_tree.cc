#include "sysfs/assignment/deadline_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "sysfs/apart.h"

namespace sysfs {
namespace {

constexpr int kUnknownError = 255;

// In the child: only the locks stay. Nothing else of ours may outlive the program: not the host
// lock, and not a pipe that somebody reads until its end.
void CloseOthers(std::span<const FileLock> locks) {
  std::vector<unsigned> kept;
  for (const FileLock& lock : locks) kept.push_back(static_cast<unsigned>(lock.fd().raw()));
  std::sort(kept.begin(), kept.end());
  unsigned first = STDERR_FILENO + 1;
  for (const unsigned raw : kept) {
    if (raw > first) ::close_range(first, raw - 1, 0);
    first = std::max(first, raw + 1);
  }
  ::close_range(first, ~0U, 0);
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    ::dup2(nothing.raw(), standard);
  }
}

[[noreturn]] void RunWriter(Tree& tree, const std::string& path, std::string_view value,
                            std::span<const FileLock> locks) {
  // The terminal's Ctrl-C is for the program; the write goes on in any case.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  CloseOthers(locks);
  const std::string note = fmt::format("{} {}\n", ::getpid(), path);
  // Only for messages: when it fails the lock still holds.
  for (const FileLock& lock : locks) (void)lock.Note(note);
  const base::Status status = tree.Write(path, value);
  int code = 0;
  if (!status) code = status.error().err() > 0 ? status.error().err() : kUnknownError;
  ::_exit(code < kUnknownError ? code : kUnknownError);
}

// Whether the process ended in time.
bool AwaitEnd(const base::Fd& process, pid_t pid, std::chrono::milliseconds deadline,
              const WriteObserver& observer) {
  using std::chrono::milliseconds;
  constexpr milliseconds kBeat(1000);
  const auto start = std::chrono::steady_clock::now();
  pollfd waiting = {process.raw(), POLLIN, 0};
  for (milliseconds next = kBeat;; next += kBeat) {
    const auto spent = [&] {
      return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
    };
    const auto left = std::max(std::min(next, deadline) - spent(), milliseconds::zero());
    const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready == 0 && spent() >= deadline) return false;
    if (ready == 0 && observer) observer(pid, spent());
  }
}

base::Failure TimedOut(const std::string& path, pid_t pid, std::chrono::milliseconds deadline) {
  return base::Fail(base::Code::kTimedOut,
                    fmt::format("{}: the kernel did not finish this write within {:g} s: {}", path,
                                std::chrono::duration<double>(deadline).count(), DescribeWait(pid)),
                    "the write goes on; when it has ended, run the command again");
}

base::Status StatusOf(const siginfo_t& info, const std::string& path) {
  if (info.si_code != CLD_EXITED) {
    return base::Fail(base::Code::kKernel, fmt::format("{}: the writing process was killed by "
                                                       "signal {}",
                                                       path, info.si_status));
  }
  if (info.si_status == 0) return {};
  if (info.si_status == kUnknownError)
    return base::Fail(base::Code::kKernel, path + ": the write failed");
  return base::FailErrno(path, info.si_status);
}

}  // namespace

WriteObserver TellWaits(std::function<void(const std::string& text)> tell, std::string name,
                        std::chrono::milliseconds deadline, std::function<std::string()> users) {
  if (!tell) return {};
  return [tell = std::move(tell), name = std::move(name), deadline, users = std::move(users)](
             int pid, std::chrono::milliseconds waited) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    std::string whom = users ? users() : std::string();
    if (!whom.empty()) whom = " for " + whom + " to let it go";
    tell(fmt::format("{}: waiting{}: {}, {} of {} s", name, whom, DescribeWait(pid),
                     duration_cast<seconds>(waited).count(),
                     duration_cast<seconds>(deadline).count()));
  };
}

base::Status DeadlineTree::Write(const std::string& path, std::string_view value) {
  const pid_t pid = ::fork();
  if (pid < 0) return base::FailErrno("start a process to write " + path, errno);
  if (pid == 0) RunWriter(below(), path, value, locks_);

  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  siginfo_t info = {};
  if (process.valid()) {
    if (!AwaitEnd(process, pid, deadline_, observer_)) return TimedOut(path, pid, deadline_);
  }
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) < 0) {
    if (errno != EINTR) return base::FailErrno("wait for the write to " + path, errno);
  }
  return StatusOf(info, path);
}

}  // namespace sysfs
