#include "vmm/confinement/allowed_calls.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <initializer_list>

namespace vmm::confinement {
namespace {

using Calls = std::vector<CallRule>;

// What every thread needs: memory, locks, its own end, descriptors that it has, the clock.
constexpr std::array kEveryThread = {"read",
                                     "write",
                                     "writev",
                                     "pread64",
                                     "pwrite64",
                                     "close",
                                     "eventfd2",
                                     "poll",
                                     "ppoll",
                                     "munmap",
                                     "mremap",
                                     "madvise",
                                     "brk",
                                     "futex",
                                     "sched_yield",
                                     "getpid",
                                     "gettid",
                                     "clock_gettime",
                                     "gettimeofday",
                                     "time",
                                     "clock_nanosleep",
                                     "nanosleep",
                                     "restart_syscall",
                                     "rt_sigprocmask",
                                     "rt_sigaction",
                                     "rt_sigreturn",
                                     "sigaltstack",
                                     "exit",
                                     "exit_group",
                                     "set_robust_list",
                                     "rseq",
                                     "getrandom",
                                     "membarrier"};

// Looking at the host's files.
constexpr std::array kReading = {
    "readlink",  "readlinkat", "getdents64", "fstat",   "newfstatat",       "statx",
    "access",    "faccessat",  "faccessat2", "lseek",   "getcwd",           "fcntl",
    "dup",       "getuid",     "geteuid",    "getgid",  "getegid",          "prlimit64",
    "getrlimit", "setrlimit",  "uname",      "sysinfo", "sched_getaffinity"};

// The event loop, the monitor's clients, names and sockets at the end, threads of the next board.
constexpr std::array kEventLoop = {
    "epoll_create1",   "epoll_ctl",       "epoll_wait",       "epoll_pwait", "timerfd_create",
    "timerfd_settime", "timerfd_gettime", "signalfd4",        "accept4",     "recvfrom",
    "recvmsg",         "sendto",          "sendmsg",          "shutdown",    "getsockopt",
    "getsockname",     "unlink",          "unlinkat",         "flock",       "seccomp",
    "prctl",           "set_tid_address", "rt_tgsigqueueinfo"};

// Giving devices back: records, locks, a process for each write to sysfs, the kernel's events, the
// module of the driver that a device goes back to.
constexpr std::array kGiveBack = {"mkdir",
                                  "mkdirat",
                                  "rename",
                                  "renameat",
                                  "renameat2",
                                  "fsync",
                                  "fdatasync",
                                  "ftruncate",
                                  "waitid",
                                  "wait4",
                                  "pidfd_open",
                                  "close_range",
                                  "dup2",
                                  "dup3",
                                  "pipe2",
                                  "bind",
                                  "setsockopt",
                                  "inotify_init1",
                                  "inotify_add_watch",
                                  "inotify_rm_watch",
                                  "finit_module",
                                  "init_module",
                                  "umask",
                                  "fchmod",
                                  "statfs",
                                  "fstatfs"};

// A loop with a timer.
constexpr std::array kInterruptWork = {"epoll_ctl", "epoll_wait", "epoll_pwait", "timerfd_settime"};

// Emulated devices: their loop, the files that they have, frames over sockets that are there. A
// ring for files could do what the table does not allow (io_uring(7)), so that nobody may make one;
// the one that is there does nothing but the work of disks (vmm/virtio/blk/ring.h).
constexpr std::array kDeviceWork = {
    "epoll_ctl",      "epoll_wait", "epoll_pwait", "timerfd_settime", "timerfd_create", "preadv",
    "preadv2",        "pwritev",    "pwritev2",    "fdatasync",       "fallocate",      "fstat",
    "io_uring_enter", "dup",        "fcntl",       "sendmsg",         "sendto",         "recvfrom",
    "accept4",        "ftruncate",  "lseek"};

// What a disk's file or a network device's link is asked when it joins a machine that runs.
constexpr std::array<uint64_t, 7> kPlugIoctls = {
    BLKGETSIZE64, BLKSSZGET, BLKPBSZGET, TUNSETIFF, TUNSETVNETHDRSZ, TUNSETOFFLOAD, TUNSETQUEUE};

constexpr uint64_t kAll = ~uint64_t{0};
// The type of an ioctl is its second byte (include/uapi/asm-generic/ioctl.h).
constexpr uint64_t kIoctlType = 0xff00;
constexpr uint64_t kKvm = 0xae00;
constexpr uint64_t kVhost = 0xaf00;
constexpr uint64_t kVfioAndIommufd = uint64_t{';'} << 8;

template <size_t kCount>
void Add(Calls& calls, const std::array<const char*, kCount>& names) {
  for (const char* const name : names) calls.push_back({name});
}

void AddIoctls(Calls& calls, std::initializer_list<uint64_t> types) {
  for (const uint64_t type : types) calls.push_back({"ioctl", {{1, kIoctlType, type}}});
}

void AddMemory(Calls& calls) {
  calls.push_back({"mmap", {{2, PROT_EXEC, 0}}});
  calls.push_back({"mprotect", {{2, PROT_EXEC, 0}}});
}

// A thread and nothing else: clone3's flags are out of a filter's sight.
void AddThreads(Calls& calls) {
  calls.push_back({"clone3", {}, Action::kNoSuchCall});
  calls.push_back({"clone", {{0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM}}});
}

void AddFiles(Calls& calls, ThreadKind kind) {
  Add(calls, kReading);
  constexpr uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
  calls.push_back({"openat", {{2, kWriting, O_RDONLY}}});
  if (kind == ThreadKind::kOpener) return;
  // Device files on hot-plug; locks of names.
  calls.push_back({"openat", {{2, O_TRUNC, 0}}});
}

// Emulated devices that come: files are opened like others, sockets listen and connect to nobody.
void AddPlugging(Calls& calls) {
  for (const uint64_t request : kPlugIoctls) calls.push_back({"ioctl", {{1, kAll, request}}});
  AddIoctls(calls, {kVhost});
  calls.push_back({"socket", {{0, kAll, AF_UNIX}}});
  calls.push_back({"bind"});
  calls.push_back({"listen"});
  calls.push_back({"fallocate"});
}

// TCGETS2 and TCSETS2 (asm-generic/ioctls.h), by which newer C libraries do the same; their header
// does not go with <termios.h>.
constexpr uint64_t kTcgets2 = 0x802c542a;
constexpr uint64_t kTcsets2 = 0x402c542b;

}  // namespace

std::vector<CallRule> AllowedCalls(ThreadKind kind, int pid) {
  Calls calls;
  Add(calls, kEveryThread);
  AddMemory(calls);
  AddIoctls(calls, {kKvm, kVfioAndIommufd});
  // Who dies gives the terminal back (vmm/terminal.h).
  for (const uint64_t request : {uint64_t{TCGETS}, uint64_t{TCSETS}, kTcgets2, kTcsets2}) {
    calls.push_back({"ioctl", {{1, kAll, request}}});
  }
  calls.push_back({"tgkill", {{0, kAll, static_cast<uint64_t>(pid)}}});
  calls.push_back({"prctl", {{0, kAll, PR_GET_NAME}}});
  if (kind == ThreadKind::kVcpu) {
    // Interrupts whose routes are gathered (vmm/kvm/msi_relay.h).
    calls.push_back({"epoll_ctl"});
    return calls;
  }
  if (kind == ThreadKind::kInterrupts) {
    Add(calls, kInterruptWork);
    return calls;
  }
  if (kind == ThreadKind::kDevices) {
    Add(calls, kDeviceWork);
    AddThreads(calls);
    calls.push_back({"prctl", {{0, kAll, PR_SET_NAME}}});
    AddIoctls(calls, {kVhost});
    for (const uint64_t request :
         {uint64_t{BLKDISCARD}, uint64_t{BLKZEROOUT}, uint64_t{TUNSETOFFLOAD},
          uint64_t{TUNSETQUEUE}, uint64_t{TUNSETCARRIER}}) {
      calls.push_back({"ioctl", {{1, kAll, request}}});
    }
    return calls;
  }
  AddFiles(calls, kind);
  if (kind == ThreadKind::kOpener) return calls;
  calls.push_back({"ioctl", {{1, kAll, TIOCGWINSZ}}});
  Add(calls, kEventLoop);
  AddThreads(calls);
  AddPlugging(calls);
  if (kind == ThreadKind::kMain) return calls;
  Add(calls, kGiveBack);
  calls.push_back({"clone", {{0, CSIGNAL | CLONE_VM, SIGCHLD}}});
  calls.push_back({"openat"});
  calls.push_back({"socket", {{0, kAll, AF_NETLINK}}});
  calls.push_back({"kill", {{0, kAll, static_cast<uint64_t>(pid)}}});
  return calls;
}

std::string_view Name(ThreadKind kind) {
  switch (kind) {
    case ThreadKind::kVcpu:
      return "vcpu";
    case ThreadKind::kInterrupts:
      return "interrupts";
    case ThreadKind::kDevices:
      return "devices";
    case ThreadKind::kOpener:
      return "opener";
    case ThreadKind::kMain:
      return "main";
    case ThreadKind::kManagedMain:
      return "managed main";
  }
  return "";
}

}  // namespace vmm::confinement
