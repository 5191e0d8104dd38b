#include "cli/terminal.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace cli {
namespace {

// Standard output on a terminal of 100 columns, or on a pipe.
class TerminalOutput : public testing::Test {
 protected:
  TerminalOutput() {
    std::fflush(stdout);
    saved_ = ::dup(STDOUT_FILENO);
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("NO_COLOR");
  }
  ~TerminalOutput() override {
    std::fflush(stdout);
    ::dup2(saved_, STDOUT_FILENO);
    ::close(saved_);
    ::unsetenv("NO_COLOR");
  }
  TerminalOutput(const TerminalOutput&) = delete;
  TerminalOutput& operator=(const TerminalOutput&) = delete;

  void UseTerminal() {
    winsize size{};
    size.ws_col = 100;
    size.ws_row = 30;
    ASSERT_EQ(::openpty(&master_, &slave_, nullptr, nullptr, &size), 0);
    ::dup2(slave_, STDOUT_FILENO);
    ::close(slave_);
  }
  static void UsePipe() {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
  }

 private:
  int saved_ = -1;
  int master_ = -1;
  int slave_ = -1;
};

TEST_F(TerminalOutput, APipeHasNeitherColourNorWidth) {
  UsePipe();
  const Terminal found = StandardOutput();
  EXPECT_FALSE(found.colour);
  EXPECT_EQ(found.width, 0u);
}

TEST_F(TerminalOutput, ATerminalHasBoth) {
  UseTerminal();
  const Terminal found = StandardOutput();
  EXPECT_TRUE(found.colour);
  EXPECT_EQ(found.width, 100u);
}

TEST_F(TerminalOutput, NoColorIsHonouredUnlessEmpty) {
  UseTerminal();
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(StandardOutput().colour);
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(StandardOutput().colour);
}

TEST_F(TerminalOutput, ADumbTerminalGetsNoColour) {
  UseTerminal();
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(StandardOutput().colour);
  ::unsetenv("TERM");
  EXPECT_FALSE(StandardOutput().colour);
}

}  // namespace
}  // namespace cli
