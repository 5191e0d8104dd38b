#include "sysfs/assignment/host_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

using std::chrono::milliseconds;

constexpr size_t kNoteLimit = 4096;

// What the owner says about itself.
std::string ReadNote(const std::string& path) {
  const auto text = base::ReadFile(path, kNoteLimit);
  const std::string_view line = text ? base::Split(*text, '\n').front() : std::string_view();
  return line.empty() ? "an unknown process" : "pid " + std::string(line);
}

}  // namespace

base::Result<FileLock> FileLock::Take(const std::string& path, milliseconds patience,
                                      base::Code code) {
  base::Fd fd = TRY(base::OpenFile(path, O_RDWR | O_CREAT, 0600));
  const auto end = std::chrono::steady_clock::now() + patience;
  // flock has no deadline, and an alarm would reach the whole program.
  for (milliseconds step{5};; step = std::min(step * 2, milliseconds{100})) {
    if (::flock(fd.raw(), LOCK_EX | LOCK_NB) == 0) return FileLock(std::move(fd));
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return base::FailErrno("lock " + path, errno);
    if (std::chrono::steady_clock::now() + step > end)
      return base::Fail(code, fmt::format("{}: held by {}", path, ReadNote(path)));
    std::this_thread::sleep_for(step);
  }
}

base::Status FileLock::Note(std::string_view text) const {
  if (::ftruncate(fd_.raw(), 0) < 0) return base::FailErrno("note the owner of a lock", errno);
  return base::WriteAllAt(fd_, std::as_bytes(std::span(text)), 0);
}

base::Result<FileLock> TakeHostLock(const std::string& folder, milliseconds patience) {
  auto lock = FileLock::Take(folder + "/lock", patience, base::Code::kLocked);
  if (!lock) {
    if (lock.error().code() != base::Code::kLocked) return lock;
    return base::Failure(
        std::move(lock.error())
            .WithHint("another run changes this host's devices: wait until it has ended"));
  }
  const auto command = base::ReadFile("/proc/self/comm", kNoteLimit);
  TRY(lock->Note(fmt::format("{} ({})\n", ::getpid(),
                             command ? base::Trim(*command) : std::string_view("?"))));
  return lock;
}

}  // namespace sysfs
