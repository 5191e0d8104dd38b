#include "sysfs/assignment/session.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/damaged.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::vector<PciAddress> kDevices = {*PciAddress::Parse("0000:08:00.0"),
                                          *PciAddress::Parse("10000:01:00.0")};

class SessionTest : public testing::Test {
 protected:
  std::vector<SessionNote> Notes() {
    auto notes = ListSessions(journal_);
    EXPECT_THAT(notes, IsOk());
    return notes ? *notes : std::vector<SessionNote>();
  }
  test::TempFolder folder_;
  Journal journal_{folder_.path(), "boot"};
};

TEST_F(SessionTest, LivesAsLongAsItsOwner) {
  EXPECT_THAT(Notes(), IsEmpty());
  auto session = Session::Begin(journal_, 1234, kDevices);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(Notes(), SizeIs(1));
  EXPECT_EQ(Notes()[0].pid, 1234);
  EXPECT_EQ(Notes()[0].devices, kDevices);
  EXPECT_TRUE(Notes()[0].alive);
  EXPECT_THAT(session->End(), IsOk());
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(SessionTest, AKilledOwnerLeavesItsDevices) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto session = Session::Begin(journal_, ::getpid(), kDevices);
    const char answer = session ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_TRUE(Notes().at(0).alive);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  const auto notes = Notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_FALSE(notes[0].alive);
  EXPECT_EQ(notes[0].pid, pid);
  EXPECT_EQ(notes[0].devices, kDevices);
}

TEST_F(SessionTest, TextThatWeDidNotWriteIsRefused) {
  EXPECT_THAT(ParseSession(FormatSession(7, kDevices)), IsOk());
  EXPECT_THAT(ParseSession(FormatSession(7, {})), IsOk());
  for (const char* text : {"", "\n", "7", "-7\n", "07\n", "7\n8:0.0\n", "7\n0000:08:00.0",
                           "7\n0000:08:00.0\n\n", "99999999999\n", "7\n0000:08:00.0\nx\n"}) {
    EXPECT_THAT(ParseSession(text), FailsWith(Code::kUsage, HasSubstr("not a session"))) << text;
  }
}

TEST_F(SessionTest, ADamagedFileIsNamed) {
  ASSERT_THAT(Session::Begin(journal_, 1, {}), IsOk());
  const std::string path = folder_.path() + "/sessions/9";
  for (const std::string& text : test::Damaged(FormatSession(9, kDevices))) {
    if (text.empty()) continue;  // one that is about to begin
    test::Replace(path, text);
    const auto notes = ListSessions(journal_);
    ASSERT_THAT(notes, FailsWith(Code::kUsage, HasSubstr(path))) << text;
    EXPECT_THAT(notes.error().hint(), HasSubstr("remove the file"));
  }
}

// Killed between making the file and writing it.
TEST_F(SessionTest, AnEmptyFileHasNoDevices) {
  ASSERT_THAT(journal_.Prepare(), IsOk());
  std::filesystem::create_directories(folder_.path() + "/sessions");
  std::ofstream(folder_.path() + "/sessions/9").flush();
  const auto notes = Notes();
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_FALSE(notes[0].alive);
  EXPECT_THAT(notes[0].devices, IsEmpty());
}

}  // namespace
}  // namespace sysfs
