#include "cli/vassign.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/vassign_run.h"

namespace cli {
namespace {

using test::VassignRun;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Vassign, WrongCommandLinesEndWithTwo) {
  VassignRun vassign;
  EXPECT_EQ(vassign({}).status, 2);
  EXPECT_EQ(vassign({"lsit"}).status, 2);
  EXPECT_EQ(vassign({"list", "--wrong"}).status, 2);
  EXPECT_EQ(vassign({"--wrong"}).status, 2);
}

TEST(Vassign, MistakesInJsonModeAreJson) {
  VassignRun vassign;
  const auto outcome = vassign({"list", "--json", "--wrong"});
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["error"]["exit"], 2);
}

TEST(Vassign, HelpAndVersionEndWithZero) {
  VassignRun vassign;
  EXPECT_EQ(vassign({"--help"}).status, 0);
  EXPECT_THAT(vassign({"--help"}).out, HasSubstr("Exit status:"));
  EXPECT_THAT(vassign({"--version"}).out, StartsWith("vassign "));
  EXPECT_THAT(vassign({"list", "--help"}).out, HasSubstr("Columns (-o)"));
}

TEST(Vassign, HelpFitsATerminal) {
  VassignRun vassign;
  for (const std::vector<const char*>& words :
       std::vector<std::vector<const char*>>{{"--help"}, {"list", "--help"}, {"show", "--help"}}) {
    std::istringstream lines(vassign(words).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(Vassign, UnwritableOutputIsAnError) {
  VassignRun vassign;
  vassign.context().out.setstate(std::ios::badbit);
  EXPECT_EQ(vassign({"list"}).status, 1);
}

}  // namespace
}  // namespace cli
