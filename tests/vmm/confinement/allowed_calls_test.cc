#include "vmm/confinement/allowed_calls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>
#include <string>

namespace vmm::confinement {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

constexpr std::array kKinds = {ThreadKind::kVcpu, ThreadKind::kInterrupts, ThreadKind::kOpener,
                               ThreadKind::kMain, ThreadKind::kManagedMain};
constexpr int kPid = 4711;

std::set<std::string> NamesOf(ThreadKind kind) {
  std::set<std::string> names;
  for (const CallRule& rule : AllowedCalls(kind, kPid)) {
    if (rule.action == Action::kAllow) names.emplace(rule.name);
  }
  return names;
}

bool Allows(ThreadKind kind, std::string_view name, unsigned index, uint64_t value) {
  const auto calls = AllowedCalls(kind, kPid);
  return std::any_of(calls.begin(), calls.end(), [&](const CallRule& rule) {
    if (rule.name != name || rule.action != Action::kAllow) return false;
    return std::all_of(rule.arguments.begin(), rule.arguments.end(), [&](const ArgumentRule& one) {
      return one.index != index || (value & one.mask) == one.value;
    });
  });
}

TEST(AllowedCalls, NobodyExecutesOrTraces) {
  for (const ThreadKind kind : kKinds) {
    for (const char* const name :
         {"execve", "execveat", "ptrace", "process_vm_writev", "mount", "setuid", "setns",
          "unshare", "bpf", "perf_event_open", "io_uring_setup", "userfaultfd", "connect", "chmod",
          "fork", "vfork", "clone3", "reboot", "keyctl"}) {
      EXPECT_THAT(NamesOf(kind), Not(Contains(name))) << Name(kind);
    }
  }
}

TEST(AllowedCalls, TheDevicesThreadUsesTheLinksThatItHas) {
  const auto names = NamesOf(ThreadKind::kDevices);
  for (const char* const name : {"socket", "connect", "bind", "listen", "openat", "execve"}) {
    EXPECT_THAT(names, Not(Contains(name)));
  }
  for (const unsigned long request : {TUNSETOFFLOAD, TUNSETQUEUE, 0xaf02ul}) {
    EXPECT_TRUE(Allows(ThreadKind::kDevices, "ioctl", 1, request));
  }
  for (const unsigned long request : {TUNSETIFF, TUNSETPERSIST, 0x8914ul}) {
    EXPECT_FALSE(Allows(ThreadKind::kDevices, "ioctl", 1, request));
  }
}

TEST(AllowedCalls, AProcessorsThreadOpensNothing) {
  const auto names = NamesOf(ThreadKind::kVcpu);
  for (const char* const name : {"openat", "open", "socket", "accept4", "clone", "kill", "unlink",
                                 "sendmsg", "dup", "seccomp", "getdents64"}) {
    EXPECT_THAT(names, Not(Contains(name)));
  }
  EXPECT_LE(names.size(), 40U);
}

TEST(AllowedCalls, EmulatedDevicesHaveTheirFilesAndOpenNone) {
  const auto names = NamesOf(ThreadKind::kDevices);
  for (const char* const name : {"openat", "open", "socket", "connect", "bind", "listen", "kill",
                                 "unlink", "execve", "ptrace", "seccomp", "getdents64", "clone3"}) {
    EXPECT_THAT(names, Not(Contains(name)));
  }
  EXPECT_THAT(names, Contains("preadv2"));
  // The next peer of a link that the machine listens for already.
  EXPECT_THAT(names, Contains("accept4"));
  constexpr uint64_t kThread = 0x3d0f00, kFork = 0x1200011, kDiscard = 0x1277, kFormat = 0x0247;
  EXPECT_TRUE(Allows(ThreadKind::kDevices, "clone", 0, kThread));
  EXPECT_FALSE(Allows(ThreadKind::kDevices, "clone", 0, kFork));
  EXPECT_TRUE(Allows(ThreadKind::kDevices, "ioctl", 1, kDiscard));
  EXPECT_FALSE(Allows(ThreadKind::kDevices, "ioctl", 1, kFormat));
}

TEST(AllowedCalls, WhoDoesMoreMayDoWhatOthersMay) {
  constexpr std::array kPairs = {std::pair(ThreadKind::kVcpu, ThreadKind::kInterrupts),
                                 std::pair(ThreadKind::kInterrupts, ThreadKind::kMain),
                                 std::pair(ThreadKind::kOpener, ThreadKind::kMain),
                                 std::pair(ThreadKind::kMain, ThreadKind::kManagedMain)};
  for (const auto& [first, second] : kPairs) {
    const auto less = NamesOf(first);
    const auto more = NamesOf(second);
    EXPECT_TRUE(std::includes(more.begin(), more.end(), less.begin(), less.end()))
        << Name(first) << " " << Name(second);
  }
}

TEST(AllowedCalls, NoMemoryCanBeExecuted) {
  for (const ThreadKind kind : kKinds) {
    for (const char* const name : {"mmap", "mprotect"}) {
      EXPECT_TRUE(Allows(kind, name, 2, PROT_READ | PROT_WRITE));
      EXPECT_FALSE(Allows(kind, name, 2, PROT_READ | PROT_EXEC));
    }
  }
}

TEST(AllowedCalls, IoctlsAreThoseOfKvmAndVfio) {
  constexpr uint64_t kKvmRun = 0xae80, kVfioReset = 0x3b6f, kPushInput = 0x5412, kGetTty = 0x5401;
  for (const ThreadKind kind : kKinds) {
    EXPECT_TRUE(Allows(kind, "ioctl", 1, kKvmRun));
    EXPECT_TRUE(Allows(kind, "ioctl", 1, kVfioReset));
    EXPECT_TRUE(Allows(kind, "ioctl", 1, kGetTty));
    EXPECT_FALSE(Allows(kind, "ioctl", 1, kPushInput));
    EXPECT_FALSE(Allows(kind, "ioctl", 1, 0x8912)) << "network interfaces";
    EXPECT_FALSE(Allows(kind, "ioctl", 1, 0xc0dead01)) << Name(kind);
  }
}

TEST(AllowedCalls, AnOpenerReadsOnly) {
  EXPECT_TRUE(Allows(ThreadKind::kOpener, "openat", 2, O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(Allows(ThreadKind::kOpener, "openat", 2, O_RDWR));
  EXPECT_FALSE(Allows(ThreadKind::kOpener, "openat", 2, O_CREAT));
  EXPECT_TRUE(Allows(ThreadKind::kMain, "openat", 2, O_RDWR));
}

TEST(AllowedCalls, SignalsAreForThisProcess) {
  for (const ThreadKind kind : kKinds) {
    EXPECT_TRUE(Allows(kind, "tgkill", 0, kPid));
    EXPECT_FALSE(Allows(kind, "tgkill", 0, 1));
    EXPECT_FALSE(Allows(kind, "kill", 0, 1));
  }
}

TEST(AllowedCalls, MainStartsThreadsAndOnlyTheManagedOneProcesses) {
  constexpr uint64_t kThread = 0x3d0f00, kFork = 0x1200011;
  EXPECT_TRUE(Allows(ThreadKind::kMain, "clone", 0, kThread));
  EXPECT_FALSE(Allows(ThreadKind::kMain, "clone", 0, kFork));
  EXPECT_TRUE(Allows(ThreadKind::kManagedMain, "clone", 0, kFork));
}

}  // namespace
}  // namespace vmm::confinement
