#include "cli/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "tests/support/matchers.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;

base::Result<int> Shell(const std::string& script, std::vector<base::Fd> inherited = {}) {
  return RunChild({{"sh", "-c", script}, std::move(inherited)});
}

TEST(Child, EndsWithTheCommandsStatus) {
  EXPECT_EQ(*Shell("exit 0"), 0);
  EXPECT_EQ(*Shell("exit 42"), 42);
}

TEST(Child, ASignalIs128AndItsNumber) {
  EXPECT_EQ(*Shell("kill -KILL $$"), 137);
  EXPECT_EQ(*Shell("kill -TERM $$"), 143);
}

TEST(Child, AProgramThatIsNotThereIsSaid) {
  EXPECT_THAT(RunChild({{"/nonexistent/program"}, {}}), FailsWith(Code::kNotFound));
  EXPECT_THAT(RunChild({{"/etc/passwd"}, {}}), FailsWith(Code::kDenied));
}

TEST(Child, SigtermIsPassedOn) {
  EXPECT_EQ(*Shell("trap 'exit 7' TERM; kill -TERM $PPID; while :; do sleep 0.01; done"), 7);
}

TEST(Child, AnInterruptOfTheTerminalEndsOnlyTheCommand) {
  EXPECT_EQ(*Shell("kill -INT $PPID; exit 3"), 3);
}

TEST(Child, DescriptorsKeepTheirNumbersAndOnlyThese) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const base::Fd reader(ends[0]);
  std::vector<base::Fd> inherited;
  inherited.emplace_back(ends[1]);
  const std::string script = "test -e /proc/self/fd/" + std::to_string(ends[1]) +
                             " && ! test -e /proc/self/fd/" + std::to_string(reader.raw());
  EXPECT_EQ(*Shell(script, std::move(inherited)), 0);
  // The command was the last to have it.
  char byte = 0;
  EXPECT_EQ(::read(reader.raw(), &byte, 1), 0);
}

}  // namespace
}  // namespace cli
