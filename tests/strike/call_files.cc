#include "tests/strike/call_files.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdint>
#include <cstring>
#include <map>

namespace strike {
namespace {

// By argument, a bit each.
struct Arguments {
  unsigned descriptors;
  unsigned paths;
};

constexpr Arguments kDescriptor{0b1, 0};
constexpr Arguments kTwoDescriptors{0b11, 0};
constexpr Arguments kPath{0, 0b1};
constexpr Arguments kTwoPaths{0, 0b11};
constexpr Arguments kPathAt{0b1, 0b10};
constexpr Arguments kTwoPathsAt{0b101, 0b1010};

// The manual page of each call.
const std::map<long, Arguments>& Known() {
  static const std::map<long, Arguments> known = {
      {SYS_read, kDescriptor},
      {SYS_write, kDescriptor},
      {SYS_pread64, kDescriptor},
      {SYS_pwrite64, kDescriptor},
      {SYS_readv, kDescriptor},
      {SYS_writev, kDescriptor},
      {SYS_preadv, kDescriptor},
      {SYS_pwritev, kDescriptor},
      {SYS_close, kDescriptor},
      {SYS_fstat, kDescriptor},
      {SYS_fstatfs, kDescriptor},
      {SYS_lseek, kDescriptor},
      {SYS_ioctl, kDescriptor},
      {SYS_fsync, kDescriptor},
      {SYS_fdatasync, kDescriptor},
      {SYS_getdents64, kDescriptor},
      {SYS_ftruncate, kDescriptor},
      {SYS_fallocate, kDescriptor},
      {SYS_fadvise64, kDescriptor},
      {SYS_fchmod, kDescriptor},
      {SYS_fchown, kDescriptor},
      {SYS_fchdir, kDescriptor},
      {SYS_flock, kDescriptor},
      {SYS_fcntl, kDescriptor},
      {SYS_dup, kDescriptor},
      {SYS_dup2, kTwoDescriptors},
      {SYS_dup3, kTwoDescriptors},
      {SYS_copy_file_range, {0b101, 0}},
      {SYS_sendfile, kTwoDescriptors},
      {SYS_mmap, {0b10000, 0}},
      {SYS_epoll_ctl, {0b101, 0}},
      {SYS_epoll_wait, kDescriptor},
      {SYS_timerfd_settime, kDescriptor},
      {SYS_inotify_add_watch, kPathAt},
      {SYS_open, kPath},
      {SYS_stat, kPath},
      {SYS_lstat, kPath},
      {SYS_statfs, kPath},
      {SYS_access, kPath},
      {SYS_execve, kPath},
      {SYS_readlink, kPath},
      {SYS_mkdir, kPath},
      {SYS_rmdir, kPath},
      {SYS_unlink, kPath},
      {SYS_chmod, kPath},
      {SYS_chown, kPath},
      {SYS_lchown, kPath},
      {SYS_chdir, kPath},
      {SYS_truncate, kPath},
      {SYS_getxattr, kPath},
      {SYS_rename, kTwoPaths},
      {SYS_link, kTwoPaths},
      {SYS_symlink, {0, 0b10}},
      {SYS_openat, kPathAt},
      {SYS_openat2, kPathAt},
      {SYS_newfstatat, kPathAt},
      {SYS_statx, kPathAt},
      {SYS_readlinkat, kPathAt},
      {SYS_faccessat, kPathAt},
      {SYS_faccessat2, kPathAt},
      {SYS_mkdirat, kPathAt},
      {SYS_unlinkat, kPathAt},
      {SYS_fchmodat, kPathAt},
      {SYS_fchownat, kPathAt},
      {SYS_utimensat, kPathAt},
      {SYS_renameat, kTwoPathsAt},
      {SYS_renameat2, kTwoPathsAt},
      {SYS_linkat, kTwoPathsAt},
      {SYS_symlinkat, {0b10, 0b100}},
  };
  return known;
}

std::string ReadText(pid_t thread, std::uint64_t address) {
  static const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::string text;
  std::array<char, PATH_MAX> part{};
  while (text.size() < PATH_MAX) {
    // Not over the end of a page: the next one may not be there.
    const size_t count = std::min<size_t>(page - address % page, part.size());
    const iovec here{part.data(), count};
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
    const iovec there{reinterpret_cast<void*>(address), count};
    const ssize_t got = ::process_vm_readv(thread, &here, 1, &there, 1, 0);
    if (got <= 0) return {};
    const size_t length = ::strnlen(part.data(), static_cast<size_t>(got));
    text.append(part.data(), length);
    if (length < static_cast<size_t>(got)) return text;
    address += static_cast<std::uint64_t>(got);
  }
  return {};
}

std::string ReadDescriptor(pid_t thread, std::uint64_t descriptor) {
  const auto number = static_cast<int>(descriptor);
  if (number < 0 && number != AT_FDCWD) return {};
  const std::string link = "/proc/" + std::to_string(thread) +
                           (number == AT_FDCWD ? "/cwd" : "/fd/" + std::to_string(number));
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<size_t>(length)) : std::string();
}

}  // namespace

bool HasFiles(long call) { return Known().count(call) != 0; }

std::vector<std::string> FilesOf(pid_t thread, const user_regs_struct& registers) {
  std::vector<std::string> files;
  const auto known = Known().find(static_cast<long>(registers.orig_rax));
  if (known == Known().end()) return files;
  // The x86-64 psABI's calling convention of the kernel (A.2.1).
  const std::array<std::uint64_t, 6> arguments = {registers.rdi, registers.rsi, registers.rdx,
                                                  registers.r10, registers.r8,  registers.r9};
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string file;
    if ((known->second.descriptors >> i & 1) != 0) file = ReadDescriptor(thread, arguments.at(i));
    if ((known->second.paths >> i & 1) != 0) file = ReadText(thread, arguments.at(i));
    if (!file.empty()) files.push_back(std::move(file));
  }
  return files;
}

}  // namespace strike
