#include "cli/declared/guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "cli/child.h"
#include "cli/declared/undo.h"
#include "sysfs/base/fd.h"
#include "vmm/signals.h"

namespace cli {
namespace {

// Readable when a file of the journal's folder was replaced or removed.
base::Result<base::Fd> WatchFolder(const sysfs::Journal& journal) {
  base::Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.valid()) return base::FailErrno("inotify", errno);
  if (::inotify_add_watch(watch.raw(), journal.folder().c_str(), IN_MOVED_TO | IN_DELETE) < 0)
    return base::FailErrno("watch " + journal.folder(), errno);
  return watch;
}

void Drain(const base::Fd& fd) {
  std::array<char, 4096> buffer;
  while (::read(fd.raw(), buffer.data(), buffer.size()) > 0) {
  }
}

// Invalid when the process is gone.
base::Fd OpenProcess(int pid) {
  return base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// To the journal of its unit.
void Log(const base::Error& error) {
  const std::string line = "vassign: " + error.message() + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

int WaitMilliseconds(const std::optional<Transaction>& transaction, uint64_t now) {
  if (!transaction || transaction->phase == Phase::kApplying) return -1;
  const uint64_t left = transaction->deadline > now ? transaction->deadline - now : 0;
  return static_cast<int>(std::min<uint64_t>(left, INT32_MAX));
}

// The outcome is decided under the host lock: somebody may have confirmed meanwhile. What fails
// is tried again by the caller.
base::Status UndoUnkept(DeclaredHost& host, bool owner_lives,
                        const std::function<uint64_t()>& clock) {
  const sysfs::Journal& journal = host.assignment().journal;
  const sysfs::FileLock lock =
      TRY(sysfs::TakeHostLock(journal.folder(), host.assignment().lock_patience));
  const auto transaction = TRY(FindTransaction(journal));
  if (DecideGuard(transaction, clock(), owner_lives) != GuardStep::kUndo) return {};
  return Undo(host, *transaction, lock,
              transaction->phase == Phase::kApplying ? "undone: it was killed"
                                                     : "undone: nobody confirmed");
}

base::Status RunToEnd(const std::vector<std::string>& words) {
  if (TRY(RunChild({words, {}})) == 0) return {};
  return base::Fail(base::Code::kInternal, fmt::format("{} did not start the guard", words.front()),
                    "systemctl status; without --confirm no guard is needed");
}

// Two forks: the guard is nobody's child, and of no terminal. Its file may have been replaced
// meanwhile, which the link does not mind.
base::Status RunDetached() {
  const pid_t pid = ::fork();
  if (pid < 0) return base::FailErrno("start the guard", errno);
  if (pid == 0) {
    ::setsid();
    const pid_t guard = ::fork();
    if (guard != 0) ::_exit(guard < 0 ? 1 : 0);
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::signal(SIGHUP, SIG_IGN);
    ::execl("/proc/self/exe", "vassign", "confirm", "--guard", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return base::Fail(base::Code::kInternal, "the guard could not be started");
}

}  // namespace

base::Status UndoOverdue(DeclaredHost& host) {
  return UndoUnkept(host, true, MillisecondsSinceBoot);
}

GuardStep DecideGuard(const std::optional<Transaction>& transaction, uint64_t now,
                      bool owner_lives) {
  if (!transaction) return GuardStep::kEnd;
  if (transaction->phase == Phase::kApplying)
    return owner_lives ? GuardStep::kAwait : GuardStep::kUndo;
  if (transaction->phase == Phase::kUndoing) return GuardStep::kUndo;
  return now < transaction->deadline ? GuardStep::kAwait : GuardStep::kUndo;
}

base::Status Guard(DeclaredHost& host) {
  const sysfs::Journal& journal = host.assignment().journal;
  const base::Fd watch = TRY(WatchFolder(journal));
  const auto transaction = TRY(FindTransaction(journal));
  if (!transaction) return {};
  const base::Fd owner = OpenProcess(transaction->pid);
  bool owner_lives = owner.valid();
  GuardEvents events;
  events.now = MillisecondsSinceBoot;
  events.owner_lives = owner_lives;
  events.forget = [&] { Drain(watch); };
  events.wait = [&](int milliseconds) -> base::Result<bool> {
    std::array<pollfd, 2> ready = {{{watch.raw(), POLLIN, 0}, {owner.raw(), POLLIN, 0}}};
    // An owner that has ended stays readable: it is asked once.
    const int count = ::poll(ready.data(), owner_lives ? 2 : 1, milliseconds);
    if (count < 0 && errno != EINTR) return base::FailErrno("poll", errno);
    if (count > 0 && owner_lives && ready[1].revents != 0) owner_lives = false;
    Drain(watch);
    return owner_lives;
  };
  return RunGuard(host, events);
}

base::Status RunGuard(DeclaredHost& host, const GuardEvents& events) {
  const sysfs::Journal& journal = host.assignment().journal;
  bool owner_lives = events.owner_lives;
  while (true) {
    const auto transaction = TRY(FindTransaction(journal));
    const uint64_t now = events.now();
    const GuardStep step = DecideGuard(transaction, now, owner_lives);
    if (step == GuardStep::kEnd) return {};
    int wait = WaitMilliseconds(transaction, now);
    if (step == GuardStep::kUndo) {
      const base::Status undone = UndoUnkept(host, owner_lives, events.now);
      if (undone) continue;
      Log(undone.error());
      // Only for who waits in front of it: without it the guard goes on as well.
      (void)StoreFailure(journal, transaction->pid, undone.error());
      events.forget();  // what the undo itself wrote is no reason to try again at once
      wait = kGuardRetry;
    }
    owner_lives = TRY(events.wait(wait));
  }
}

base::Status StartGuard() {
  if (::access("/run/systemd/system", F_OK) != 0) return RunDetached();
  // systemd starts it, for whom /proc/self is another process.
  std::error_code error;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return base::FailErrno("/proc/self/exe", error.value());
  return RunToEnd({"systemd-run", "--quiet", "--collect", "--property=Type=exec",
                   "--property=Restart=on-failure", "--description",
                   "undo of vassign apply unless it is confirmed",
                   fmt::format("--unit=vassign-confirm-{}", ::getpid()), program, "confirm",
                   "--guard"});
}

base::Result<Ending> AwaitEnding(const sysfs::Journal& journal, uint64_t deadline, bool reads_enter,
                                 const std::function<void(unsigned left)>& tell) {
  constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  const auto signals = TRY(vmm::SignalSource::Create(kSignals));
  const base::Fd watch = TRY(WatchFolder(journal));
  // What was typed while the steps ran is no answer.
  if (reads_enter) ::tcflush(STDIN_FILENO, TCIFLUSH);
  while (true) {
    const auto transaction = TRY(FindTransaction(journal));
    if (!transaction || transaction->pid != ::getpid()) return Ending::kGone;
    if (!LastFailure(journal, transaction->pid).empty()) return Ending::kNotUndone;
    const uint64_t now = MillisecondsSinceBoot();
    if (transaction->phase == Phase::kWaiting && now >= deadline + kGuardGrace)
      return Ending::kOverdue;
    tell(static_cast<unsigned>(now < deadline ? (deadline - now + 999) / 1000 : 0));
    std::array<pollfd, 3> events = {
        {{watch.raw(), POLLIN, 0}, {signals.fd().raw(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    constexpr int kSecond = 1000;
    if (::poll(events.data(), reads_enter ? 3 : 2, kSecond) < 0 && errno != EINTR)
      return base::FailErrno("poll", errno);
    if ((events[1].revents & POLLIN) != 0 && signals.Take()) return Ending::kInterrupted;
    if (reads_enter && events[2].revents != 0) {
      std::array<char, 256> line;
      if (::read(STDIN_FILENO, line.data(), line.size()) > 0) return Ending::kEnter;
      reads_enter = false;  // the terminal is gone
    }
    Drain(watch);
  }
}

}  // namespace cli
