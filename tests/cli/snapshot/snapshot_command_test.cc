#include <gmock/gmock.h>

#include <filesystem>

#include "cli/devices/use_marks.h"
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

// What needs devices, as the files and the answers of the running host tell it.
TEST_F(Snapshot, UseIsTheSameOnTheRecordedHost) {
  auto tree = test::LoadHost("host.txt");
  const std::string disk = "/sys/bus/pci/devices/0000:09:00.0/block/sdx";
  tree->AddFile(disk + "/dev", "8:16\n");
  tree->AddLink("/sys/class/block/sdx", *sysfs::RealPath(*tree, disk));
  tree->AddFile("/proc/self/mountinfo", "36 35 8:1 / / rw - ext4 /dev/sda1 rw\n");
  tree->AddLink("/proc/self/ns/mnt", "mnt:[1]");
  tree->AddLink("/proc/70/ns/mnt", "mnt:[2]");
  tree->AddFile("/proc/70/mountinfo", "36 35 8:16 / /srv rw - ext4 /dev/sdx rw\n");
  const sysfs::Tree& host = *tree;
  test::VassignRun vassign(std::move(tree));
  vassign.context().use_marks = HostUseMarks(host);
  const std::vector<const char*> list = {"list", "--no-headers", "-o", "bdf,in-use,verdict"};
  std::vector<const char*> words = list;
  words.push_back("09:00.0");
  const std::string live = vassign(words).out;
  EXPECT_THAT(live, HasSubstr("mounted on /srv in the mount namespace of pid 70"));
  ASSERT_EQ(vassign({"snapshot", file_.c_str()}).status, 0);
  EXPECT_EQ(Read(words, file_).out, live);
  const test::RunResult explained = Read({"explain", "09:00.0"}, file_);
  EXPECT_EQ(explained.status, 4);
  EXPECT_THAT(explained.out, HasSubstr("/srv"));
  EXPECT_THAT(explained.out, HasSubstr("does not tell who has the device open"));
  EXPECT_EQ(Read({"list", "--free"}, file_).status, 0);
  EXPECT_EQ(Read({"list", "--free"}, host_).status, 2);
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
