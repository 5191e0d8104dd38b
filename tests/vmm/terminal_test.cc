#include "vmm/terminal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <csignal>

#include "tests/support/matchers.h"

namespace vmm {
namespace {

using test::IsOk;

// A pseudo terminal that is the controlling one of a child process, where `body` runs; its exit
// status, or the signal it died of plus 128. `settings` is the terminal's afterwards.
int RunOnTerminal(int (*body)(const base::Fd&), termios& settings) {
  int master = -1;
  int slave = -1;
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const base::Fd master_owner(master);
  const base::Fd slave_owner(slave);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::login_tty(::dup(slave)) != 0) ::_exit(100);
    ::_exit(body(base::Fd(::dup(0))));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(::tcgetattr(slave, &settings), 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool IsRaw(const base::Fd& terminal) {
  termios settings{};
  ::tcgetattr(terminal.raw(), &settings);
  return (settings.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (settings.c_oflag & OPOST) != 0;
}

TEST(SizeOf, IsOfATerminalThatHasOne) {
  const auto null = base::OpenFile("/dev/null", O_RDWR);
  ASSERT_THAT(null, IsOk());
  EXPECT_FALSE(SizeOf(*null));
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const base::Fd ends[] = {base::Fd(master), base::Fd(slave)};
  EXPECT_FALSE(SizeOf(ends[1]));
  const winsize size{43, 132, 0, 0};
  ASSERT_EQ(::ioctl(master, TIOCSWINSZ, &size), 0);
  const auto seen = SizeOf(ends[1]);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->columns, 132);
  EXPECT_EQ(seen->rows, 43);
}

TEST(RawTerminal, LeavesAnythingElseAlone) {
  const auto null = base::OpenFile("/dev/null", O_RDWR);
  ASSERT_THAT(null, IsOk());
  const auto terminal = RawTerminal::Enter(*null);
  ASSERT_THAT(terminal, IsOk());
  EXPECT_FALSE(terminal->active());
}

TEST(RawTerminal, GivesTheSettingsBackOnDestruction) {
  termios after{};
  const int status = RunOnTerminal(
      [](const base::Fd& fd) {
        {
          const auto terminal = RawTerminal::Enter(fd);
          if (!terminal || !terminal->active() || !IsRaw(fd)) return 1;
        }
        return IsRaw(fd) ? 2 : 0;
      },
      after);
  EXPECT_EQ(status, 0);
  EXPECT_NE(after.c_lflag & ECHO, 0u);
}

TEST(RawTerminal, AFatalSignalGivesTheSettingsBackAndStaysFatal) {
  termios after{};
  const int status = RunOnTerminal(
      [](const base::Fd& fd) {
        ::signal(SIGABRT, SIG_DFL);
        const auto terminal = RawTerminal::Enter(fd);
        if (!terminal || !IsRaw(fd)) return 1;
        ::abort();
      },
      after);
  EXPECT_EQ(status, 128 + SIGABRT);
  EXPECT_NE(after.c_lflag & ECHO, 0u);
}

}  // namespace
}  // namespace vmm
