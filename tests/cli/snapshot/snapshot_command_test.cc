#include <gmock/gmock.h>

#include <filesystem>

#include "tests/cli/vassign_run.h"
#include "tests/support/temp_folder.h"

namespace cli {
namespace {

using testing::HasSubstr;

class Snapshot : public testing::Test {
 protected:
  Snapshot() : host_(folder_.path() + "/host"), file_(folder_.path() + "/host.tar.gz") {
    test::WriteHost("host.txt", host_);
  }

  test::RunResult Take(std::vector<const char*> more = {}) {
    test::VassignRun vassign;  // the same host, in memory
    std::vector<const char*> words = {"snapshot", file_.c_str()};
    words.insert(words.end(), more.begin(), more.end());
    return vassign(words);
  }
  static test::RunResult Read(std::vector<const char*> words, const std::string& host) {
    test::VassignRun vassign;
    words.push_back("--sysroot");
    words.push_back(host.c_str());
    return vassign(words);
  }

  test::TempFolder folder_;
  std::string host_;
  std::string file_;
};

TEST_F(Snapshot, EveryReadingCommandSaysTheSame) {
  const test::RunResult taken = Take({"--no-scrub"});
  ASSERT_EQ(taken.status, 0) << taken.err;
  EXPECT_THAT(taken.out, HasSubstr("host.tar.gz: "));
  const std::vector<std::vector<const char*>> commands = {
      {"list"},
      {"list", "--tree"},
      {"list", "--assignable"},
      {"list", "--json", "--details"},
      {"list", "-o", "bdf,override,numa,vfs,pf"},
      {"show", "0000:08:00.0"},
      {"explain", "0000:08:00.0"},
      {"doctor"},
      {"sriov", "show"},
      {"status"}};
  for (const auto& words : commands) {
    const test::RunResult live = Read(words, host_);
    const test::RunResult recorded = Read(words, file_);
    EXPECT_EQ(recorded.status, live.status) << words[0] << recorded.err;
    // The log in the snapshot is the running machine's.
    if (std::string(words[0]) != "doctor" && std::string(words[0]) != "explain") {
      EXPECT_EQ(recorded.out, live.out) << words[0];
    }
  }
}

TEST_F(Snapshot, AnExistingFileIsRefused) {
  ASSERT_EQ(Take().status, 0);
  const test::RunResult again = Take();
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("--overwrite"));
  EXPECT_EQ(Take({"--overwrite"}).status, 0);
}

TEST_F(Snapshot, SaysAsJsonWhatItIs) {
  const test::RunResult taken = Take({"--json"});
  EXPECT_THAT(taken.out, HasSubstr("\"schema\": \"vassign.snapshot/1\""));
  EXPECT_THAT(taken.out, HasSubstr("\"scrubbed\": true"));
}

TEST_F(Snapshot, AFileThatIsNoneIsAnError) {
  std::ofstream(folder_.path() + "/x.tar") << "x";
  const test::RunResult read = Read({"list"}, folder_.path() + "/x.tar");
  EXPECT_EQ(read.status, 2);
  EXPECT_THAT(read.err, HasSubstr("no archive"));
}

}  // namespace
}  // namespace cli
