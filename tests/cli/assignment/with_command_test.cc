#include "cli/assignment/with_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "sysfs/assignment/session.h"
#include "tests/support/assignment_world.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// How many descriptors of this process are of the file.
size_t OpenTimes(const std::filesystem::path& file) {
  size_t times = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    times += std::filesystem::read_symlink(entry, gone) == file ? 1 : 0;
  return times;
}

class WithCommand : public testing::Test {
 protected:
  std::optional<std::string> Driver() { return world_.tree().DriverOf("0000:08:00.0"); }
  test::AssignmentWorld world_;
};

TEST_F(WithCommand, TheDeviceIsTakenAndGivenBack) {
  std::optional<std::string> during;
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "sh", "-c", "exit 9"}), 9) << world_.err();
  EXPECT_EQ(Driver(), "nvme");
  EXPECT_THAT(world_.tree().writes(), testing::Not(IsEmpty()));
  EXPECT_THAT(*world_.journal().List(), IsEmpty());
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
  EXPECT_THAT(world_.err(), HasSubstr("vfio-pci -> nvme"));
}

TEST_F(WithCommand, TheWordsReachTheCommand) {
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "test", "{bdf}/{group}", "=", "0000:08:00.0/14"}),
            0)
      << world_.err();
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "test", "{{x", "=", "{x"}), 0);
}

TEST_F(WithCommand, WhatWasBoundBeforeStaysBound) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "true"}), 0) << world_.err();
  EXPECT_EQ(Driver(), "vfio-pci");
  EXPECT_EQ(world_.journal().List()->size(), 1U);
}

TEST_F(WithCommand, ACommandThatCannotStartLeavesNothing) {
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "/nonexistent"}), 3);
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "true", "{what}"}), 2);
  EXPECT_EQ(Driver(), "nvme");
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

TEST_F(WithCommand, MistakesChangeNothing) {
  const std::vector<std::pair<std::vector<std::string>, int>> lines = {
      {{"with"}, 2},
      {{"with", "08:00.0"}, 2},
      {{"with", "08:00.0", "--"}, 2},
      {{"with", "--", "true"}, 2},
      {{"with", "07:00.0", "--", "true"}, 3},
      {{"with", "09:00.0", "--", "true"}, 5},
      {{"with", "08:00.0", "--driver", "a/b", "--", "true"}, 2},
  };
  for (const auto& [words, status] : lines) {
    EXPECT_EQ(world_.Run(words), status) << testing::PrintToString(words);
    EXPECT_THAT(world_.err(), HasSubstr("vassign:"));
  }
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

TEST_F(WithCommand, ADryRunRunsNothing) {
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--dry-run", "--", "/nonexistent"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("driver_override"));
  EXPECT_THAT(world_.tree().writes(), IsEmpty());
}

// What a killed run left: its session has no owner, its devices are bound.
TEST_F(WithCommand, TheNextRunFinishesForAKilledOne) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}})); }
  EXPECT_EQ(world_.Run({"status"}), 0);
  EXPECT_THAT(world_.out(), HasSubstr("left behind by a killed run of pid 4000000: 0000:08:00.0"));
  EXPECT_EQ(world_.Run({"with", "09:00.0", "09:00.1", "--", "true"}), 0) << world_.err();
  EXPECT_THAT(world_.err(), HasSubstr("giving back what pid 4000000 left behind"));
  EXPECT_EQ(Driver(), "nvme");
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

// A dead device, whose driver's probe might hang, is kept from it; the session stays for a later
// try.
TEST_F(WithCommand, WhatNoLongerAnswersIsKeptFromItsDriver) {
  const std::string config = "/sys/bus/pci/devices/0000:08:00.0/config";
  world_.tree().OnWrite([&](const std::string& path, const std::string& /*value*/) {
    if (path.ends_with("/vfio-pci/bind"))
      world_.tree().AddBytes(config, std::vector<std::byte>(256, std::byte{0xff}));
  });
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "true"}), 10);
  EXPECT_THAT(world_.err(), HasSubstr("0000:08:00.0: quarantined: it reads as all ones, and stays "
                                      "on vfio-pci"));
  EXPECT_EQ(Driver(), "vfio-pci");
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), testing::SizeIs(1));
  world_.tree().AddBytes(config, std::vector<std::byte>(256, std::byte{0}));
  EXPECT_EQ(world_.Run({"restore", "08:00.0"}), 0) << world_.err();
  EXPECT_EQ(Driver(), "nvme");
}

// It was killed before it had taken anything: who has the device now is not it.
TEST_F(WithCommand, WhatAKilledRunHadNotTakenStaysWhereItIs) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  ASSERT_TRUE(world_.journal().Remove({0, 8, 0, 0}));  // as another tool does it
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}})); }
  EXPECT_EQ(world_.Run({"with", "09:00.0", "09:00.1", "--", "true"}), 0) << world_.err();
  EXPECT_EQ(Driver(), "vfio-pci");
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

// Another run has begun to give back the same devices, and took one of them for itself.
TEST_F(WithCommand, TwoRunsDoNotBothFinishForAKilledOne) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}})); }
  auto other = sysfs::LockSessions(world_.journal());
  ASSERT_TRUE(other);
  std::thread done([&] {
    while (OpenTimes(world_.journal().folder() + "/lock-sessions") < 2) std::this_thread::yield();
    EXPECT_THAT(sysfs::RemoveRecordFile(world_.journal().folder() + "/sessions/4000000"),
                test::IsOk());
    const sysfs::FileLock ended = std::move(*other);
  });
  EXPECT_EQ(world_.Run({"with", "09:00.0", "09:00.1", "--", "true"}), 0) << world_.err();
  done.join();
  EXPECT_THAT(world_.err(), testing::Not(HasSubstr("4000000")));
  EXPECT_EQ(Driver(), "vfio-pci");
}

TEST_F(WithCommand, WhatRestoreGivesBackIsNoLongerLeftBehind) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}})); }
  EXPECT_EQ(world_.Run({"restore", "--all"}), 0) << world_.err();
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

TEST_F(WithCommand, WhatIsBoundToStayIsNoLongerLeftBehind) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}})); }
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0) << world_.err();
  EXPECT_EQ(world_.Run({"with", "09:00.0", "09:00.1", "--", "true"}), 0) << world_.err();
  EXPECT_EQ(Driver(), "vfio-pci");
}

TEST_F(WithCommand, ADeviceThatCouldNotComeBackStaysInItsSession) {
  ASSERT_EQ(world_.Run({"bind", "08:00.0"}), 0);
  { ASSERT_TRUE(sysfs::Session::Begin(world_.journal(), 4000000, {{0, 8, 0, 0}, {0, 9, 0, 0}})); }
  ASSERT_EQ(world_.Run({"restore", "09:00.0"}), 0) << world_.err();
  const auto sessions = sysfs::ListSessions(world_.journal());
  ASSERT_EQ(sessions->size(), 1U);
  EXPECT_THAT(sessions->front().devices, testing::ElementsAre(sysfs::PciAddress{0, 8, 0, 0}));
}

TEST_F(WithCommand, ABindThatFailedAndCouldNotBeUndoneIsLeftToTheNextRun) {
  world_.tree().FailWritesFrom(3, EIO);  // it has left its driver
  EXPECT_NE(world_.Run({"with", "08:00.0", "--", "true"}), 0);
  ASSERT_EQ(Driver(), std::nullopt);
  EXPECT_EQ(sysfs::ListSessions(world_.journal())->size(), 1U) << world_.err();
  world_.tree().FailWritesFrom(1000, EIO);  // later than all that follow
  EXPECT_EQ(world_.Run({"with", "08:00.0", "--", "true"}), 0) << world_.err();
  EXPECT_THAT(world_.err(), HasSubstr("left behind"));
  EXPECT_EQ(Driver(), "nvme");
  EXPECT_THAT(*sysfs::ListSessions(world_.journal()), IsEmpty());
}

}  // namespace
}  // namespace cli
