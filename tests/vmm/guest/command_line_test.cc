#include "vmm/guest/command_line.h"

#include <gmock/gmock.h>

namespace vmm::guest {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(DefaultCommandLine, HasTheConsoleFirstAndTheUsersPartLast) {
  EXPECT_THAT(DefaultCommandLine(kSerialConsole, false, "loglevel=8"),
              StartsWith("console=ttyS0 "));
  EXPECT_THAT(DefaultCommandLine(kSerialConsole, false, "loglevel=8"), EndsWith(" loglevel=8"));
  EXPECT_THAT(DefaultCommandLine(kSerialConsole, false, ""), Not(EndsWith(" ")));
}

// A second console would print each line once more.
TEST(DefaultCommandLine, HasOneConsole) {
  EXPECT_THAT(DefaultCommandLine(kVirtioConsole, false, ""), StartsWith("console=hvc0 "));
  EXPECT_THAT(DefaultCommandLine(kVirtioConsole, true, ""), Not(HasSubstr("ttyS0")));
}

TEST(DefaultCommandLine, AsksForTheFourPortsOfExecOnly) {
  EXPECT_THAT(DefaultCommandLine(kSerialConsole, true, ""), HasSubstr("8250.nr_uarts=4"));
  EXPECT_THAT(DefaultCommandLine(kSerialConsole, false, ""), Not(HasSubstr("nr_uarts")));
}

}  // namespace
}  // namespace vmm::guest
