#include "vmm/virtio/blk/image_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "sysfs/base/log.h"
#include "sysfs/base/text.h"

namespace vmm::virtio {
namespace {

using std::chrono::steady_clock;

// Of QEMU's permissions: consistent read 0, write 1; nobody else may write.
constexpr uint64_t kRead = 100, kWrite = 101, kNoRead = 200, kNoWrite = 201;

int LockCall(const base::Fd& fd, int command, struct flock& lock) {
  int result = 0;
  do {
    result = ::fcntl(fd.raw(), command, &lock);
  } while (result != 0 && errno == EINTR);
  return result;
}

struct flock OneByte(uint64_t byte, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

enum class Locked : uint8_t { kYes, kNo, kNever };

Locked TryLock(const base::Fd& fd, const LockPlan& plan) {
  for (const uint64_t byte : plan.hold) {
    struct flock lock = OneByte(byte, F_RDLCK);
    if (LockCall(fd, F_OFD_SETLK, lock) == 0) continue;
    return errno == EAGAIN || errno == EACCES ? Locked::kNo : Locked::kNever;
  }
  for (const uint64_t byte : plan.look) {
    struct flock lock = OneByte(byte, F_WRLCK);
    if (LockCall(fd, F_OFD_GETLK, lock) == 0 && lock.l_type != F_UNLCK) return Locked::kNo;
  }
  return Locked::kYes;
}

void Unlock(const base::Fd& fd, const LockPlan& plan) {
  for (const uint64_t byte : plan.hold) {
    struct flock lock = OneByte(byte, F_UNLCK);
    static_cast<void>(LockCall(fd, F_OFD_SETLK, lock));
  }
}

// 20 to 147 ms.
std::chrono::milliseconds AWhile() {
  uint8_t chance = 0;
  if (::getrandom(&chance, sizeof chance, 0) != sizeof chance) chance = 0;
  return std::chrono::milliseconds(20 + chance / 2);
}

base::Failure InUse(const ImageOptions& options, const std::vector<std::string>& holders) {
  const std::string cure =
      options.readonly ? "end it; several may have an image only if all of them have it readonly"
                       : "end it, or give each machine an image of its own";
  std::string text = options.file + ": another machine has this image, or a program that writes";
  text += holders.empty() ? " to it" : fmt::format(" to it: {}", fmt::join(holders, ", "));
  return base::Fail(base::Code::kInUse, std::move(text), cure);
}

bool HasOpen(const std::filesystem::path& process, const struct stat& file) {
  std::error_code failed;
  for (std::filesystem::directory_iterator one(process / "fd", failed), end; !failed && one != end;
       one.increment(failed)) {
    struct stat facts {};
    if (::stat(one->path().c_str(), &facts) == 0 && facts.st_dev == file.st_dev &&
        facts.st_ino == file.st_ino) {
      return true;
    }
  }
  return false;
}

}  // namespace

LockPlan PlanLocks(bool readonly) {
  if (readonly) return {{kRead, kNoWrite}, {kNoRead, kWrite}};
  return {{kRead, kWrite, kNoWrite}, {kNoRead, kNoWrite, kWrite}};
}

std::vector<std::string> HoldersOf(const base::Fd& fd, pid_t except) {
  std::vector<std::string> holders;
  struct stat file {};
  if (::fstat(fd.raw(), &file) != 0) return holders;
  std::error_code failed;
  for (std::filesystem::directory_iterator one("/proc", failed), end; !failed && one != end;
       one.increment(failed)) {
    const auto pid = base::ParseDecimal(one->path().filename().string(), INT32_MAX);
    if (!pid || static_cast<pid_t>(*pid) == except || !HasOpen(one->path(), file)) continue;
    const auto name = base::ReadFile((one->path() / "comm").string(), 64);
    holders.push_back(
        fmt::format("{} (process {})", name ? std::string(base::Trim(*name)) : "a program", *pid));
  }
  return holders;
}

base::Status LockImage(const ImageOptions& options, const base::Fd& fd) {
  const LockPlan plan = PlanLocks(options.readonly);
  const auto end = steady_clock::now() + options.lock_patience;
  for (bool first = true;; first = false) {
    const Locked locked = TryLock(fd, plan);
    if (locked == Locked::kYes) return {};
    if (locked == Locked::kNever) {
      base::Log(base::Level::kWarning,
                "{}: cannot be locked ({}): see to it that nobody else uses it", options.file,
                std::strerror(errno));
      return {};
    }
    Unlock(fd, plan);
    const auto now = steady_clock::now();
    if (now >= end) {
      auto holders = HoldersOf(fd, ::getpid());
      return InUse(options, holders);
    }
    if (first) {
      base::Log(base::Level::kInfo, "{}: somebody else has it: tried again for {} ms", options.file,
                options.lock_patience.count());
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);
    ::poll(nullptr, 0, static_cast<int>(std::min(AWhile(), left).count()));
  }
}

}  // namespace vmm::virtio
