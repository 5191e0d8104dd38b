#include "cli/completion_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/assignment_world.h"
#include "tests/support/command.h"
#include "tests/support/temp_folder.h"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class CompletionCommand : public testing::Test {
 protected:
  CompletionCommand() {
    EXPECT_EQ(world_.Run({"completion", "bash"}), 0);
    std::ofstream(folder_.path() + "/script") << world_.out();
    std::ofstream vassign(folder_.path() + "/vassign");
    vassign << "#!/bin/sh\necho 0000:08:00.0; echo 0000:09:00.0\n";
    vassign.close();
    ::chmod((folder_.path() + "/vassign").c_str(), 0755);
  }

  // What bash offers for the last of these words.
  std::string Offers(const std::string& words) {
    const std::string script =
        "set -u; PATH=" + folder_.path() + ":$PATH; . " + folder_.path() + "/script; COMP_WORDS=(" +
        words + "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _vassign; echo \"${COMPREPLY[*]-}\"";
    return test::RunCommand("bash --norc -c '" + script + "'").output;
  }

  test::AssignmentWorld world_;
  test::TempFolder folder_;
};

TEST_F(CompletionCommand, Commands) {
  EXPECT_THAT(Offers("vassign re"), HasSubstr("restore"));
  EXPECT_THAT(Offers("vassign re"), HasSubstr("reset"));
  EXPECT_THAT(Offers("vassign re"), Not(HasSubstr("list")));
  EXPECT_THAT(Offers("vassign sriov s"), HasSubstr("show set"));
}

TEST_F(CompletionCommand, OptionsOfTheCommandAlone) {
  EXPECT_THAT(Offers("vassign bind --d"), HasSubstr("--driver"));
  EXPECT_THAT(Offers("vassign bind --d"), HasSubstr("--dry-run"));
  EXPECT_THAT(Offers("vassign list --d"), Not(HasSubstr("--dry-run")));
}

TEST_F(CompletionCommand, Devices) {
  EXPECT_THAT(Offers("vassign bind 0000:0"), HasSubstr("0000:08:00.0 0000:09:00.0"));
  EXPECT_THAT(Offers("vassign bind --group 0000:09"), HasSubstr("0000:09:00.0"));
  EXPECT_THAT(Offers("vassign doctor 0000"), Not(HasSubstr("0000:08")));
}

TEST_F(CompletionCommand, Values) {
  EXPECT_THAT(Offers("vassign bind --force m"), HasSubstr("mounted"));
  EXPECT_THAT(Offers("vassign bind --force a"), Not(HasSubstr("assigned")));
  EXPECT_THAT(Offers("vassign restore --force a"), HasSubstr("assigned"));
  EXPECT_THAT(Offers("vassign restore --force m"), Not(HasSubstr("mounted")));
  EXPECT_THAT(Offers("vassign with 08:00.0 -- bas"), HasSubstr("bash"));
}

TEST_F(CompletionCommand, BadInput) {
  EXPECT_EQ(world_.Run({"completion"}), 2);
  EXPECT_EQ(world_.Run({"completion", "csh"}), 2);
}

}  // namespace
}  // namespace cli
