#include "vmm/confinement/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "vmm/devices/cmos.h"

namespace vmm::confinement {
namespace {

// All in processes of their own: a filter stays.
void Enter(ThreadKind kind) {
  SetMode(Mode::kOn);
  if (const base::Status confined = Confine(kind); !confined) {
    [[maybe_unused]] const auto written =
        ::write(2, confined.error().message().data(), confined.error().message().size());
    ::_exit(99);
  }
}

class Confined : public testing::TestWithParam<ThreadKind> {};

TEST_P(Confined, MayUseWhatItHas) {
  EXPECT_EXIT(
      {
        Enter(GetParam());
        const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        uint64_t count = 1;
        if (::write(event, &count, sizeof count) != sizeof count) ::_exit(1);
        if (::read(event, &count, sizeof count) != sizeof count) ::_exit(2);
        void* const page =
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || ::munmap(page, 4096) != 0) ::_exit(3);
        ::_exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST_P(Confined, DiesWhenItExecutes) {
  EXPECT_EXIT(
      {
        Enter(GetParam());
        ::execl("/bin/true", "true", nullptr);
        ::_exit(0);
      },
      testing::KilledBySignal(SIGABRT), "does not allow the system call execve \\(59\\)");
}

TEST_P(Confined, DiesWhenItMakesMemoryExecutable) {
  EXPECT_EXIT(
      {
        Enter(GetParam());
        ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ::_exit(0);
      },
      testing::KilledBySignal(SIGABRT), "mmap");
}

INSTANTIATE_TEST_SUITE_P(Kinds, Confined,
                         testing::Values(ThreadKind::kVcpu, ThreadKind::kInterrupts,
                                         ThreadKind::kDevices, ThreadKind::kOpener,
                                         ThreadKind::kMain, ThreadKind::kManagedMain));

TEST(Confine, AProcessorsThreadThatOpensAFileDiesAndSaysSo) {
  EXPECT_EXIT(
      {
        Enter(ThreadKind::kVcpu);
        ::open("/etc/passwd", O_RDONLY | O_CLOEXEC);
        ::_exit(0);
      },
      testing::KilledBySignal(SIGABRT), "thread vmm_confinement.*openat.*please report");
}

TEST(Confine, AnIoctlOfAnotherDeviceDies) {
  EXPECT_EXIT(
      {
        Enter(ThreadKind::kVcpu);
        ::syscall(SYS_ioctl, 0, 0x5412, nullptr);
        ::_exit(0);
      },
      testing::KilledBySignal(SIGABRT), "ioctl");
}

// What the C library reads for it, a guest could make a thread open.
TEST(Confine, AGuestMayReadItsClock) {
  EXPECT_EXIT(
      {
        Cmos cmos;
        Enter(ThreadKind::kVcpu);
        for (uint8_t index = 0; index < 0x40; ++index) {
          cmos.Write({0, Width::k1}, index);
          cmos.Read({1, Width::k1});
        }
        ::_exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Confine, OtherProcessesAreOutOfReach) {
  EXPECT_EXIT(
      {
        Enter(ThreadKind::kMain);
        ::kill(1, 0);
        ::_exit(0);
      },
      testing::KilledBySignal(SIGABRT), "kill");
}

TEST(Confine, OffChangesNothing) {
  EXPECT_EXIT(
      {
        SetMode(Mode::kOff);
        if (!Confine(ThreadKind::kVcpu)) ::_exit(1);
        ::_exit(::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Confine, LogLetsTheCallThrough) {
  EXPECT_EXIT(
      {
        SetMode(Mode::kLog);
        if (!Confine(ThreadKind::kVcpu)) ::_exit(1);
        ::_exit(::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? 1 : 0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace vmm::confinement
