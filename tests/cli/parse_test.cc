#include "cli/parse.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/matchers.h"

namespace cli {
namespace {

using test::FailsWith;
using test::IsOkAnd;
using testing::HasSubstr;

class CommandLine : public testing::Test {
 protected:
  CommandLine() : app_("Description", "tool") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "tool 1");
    CLI::App* command = app_.add_subcommand("list", "Lists");
    command->add_option("--count", count_);
  }
  base::Result<Parsed> Run(std::vector<const char*> words) {
    words.insert(words.begin(), "tool");
    return Parse(app_, static_cast<int>(words.size()), words.data(), out_);
  }
  CLI::App app_;
  int count_ = 0;
  std::ostringstream out_;
};

TEST_F(CommandLine, MistakesAreUsageErrors) {
  EXPECT_THAT(Run({}), FailsWith(base::Code::kUsage, "no command given"));
  EXPECT_THAT(Run({"list", "--count", "x"}), FailsWith(base::Code::kUsage));
  EXPECT_THAT(Run({"list", "--count"}), FailsWith(base::Code::kUsage));
  EXPECT_THAT(Run({"list", "extra"}), FailsWith(base::Code::kUsage, HasSubstr("extra")));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CommandLine, HintNamesTheHelpThatFits) {
  EXPECT_EQ(Run({"list", "--wrong"}).error().hint(), "tool list --help shows what is wanted");
  EXPECT_EQ(Run({}).error().hint(), "tool --help shows what is wanted");
}

TEST_F(CommandLine, UnknownCommandNamesTheNearest) {
  const auto parsed = Run({"lsit"});
  ASSERT_THAT(parsed, FailsWith(base::Code::kUsage, HasSubstr("'lsit'")));
  EXPECT_THAT(parsed.error().hint(), HasSubstr("did you mean tool list?"));
}

TEST_F(CommandLine, HelpAndVersionAreShown) {
  EXPECT_THAT(Run({"--version"}), IsOkAnd(Parsed::kShown));
  EXPECT_EQ(out_.str(), "tool 1\n");
  out_.str("");
  EXPECT_THAT(Run({"--help"}), IsOkAnd(Parsed::kShown));
  EXPECT_THAT(out_.str(), HasSubstr("Description"));
  out_.str("");
  EXPECT_THAT(Run({"list", "--help"}), IsOkAnd(Parsed::kShown));
  EXPECT_THAT(out_.str(), HasSubstr("tool list [OPTIONS]"));
}

TEST_F(CommandLine, CommandsAreStored) {
  EXPECT_THAT(Run({"list", "--count", "3"}), IsOkAnd(Parsed::kCommand));
  EXPECT_EQ(count_, 3);
}

}  // namespace
}  // namespace cli
