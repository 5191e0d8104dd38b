#include "vmm/control/registry.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/damaged.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"
#include "vmm/control/socket.h"

namespace vmm::control {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Registry : public testing::Test {
 protected:
  MachineRecord Record(const std::string& name) const {
    return {name, 4711, SocketOf(folder_, name), 99, 2, 512 * 1024 * 1024};
  }
  // A machine that is killed without having a chance.
  void LeaveDead(const std::string& name) const {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto claim = NameClaim::Take(folder_, Record(name));
      const auto socket = ListeningSocket::Create(SocketOf(folder_, name));
      ::_exit(claim && socket ? 0 : 1);
    }
    int status = 1;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
  }

  test::TempFolder above_;
  const std::string folder_ = above_.path() + "/vassign/vmm";
};

TEST_F(Registry, NamesAreFileNames) {
  EXPECT_THAT(CheckMachineName("db-1.test_A"), IsOk());
  EXPECT_THAT(CheckMachineName(std::string(64, 'x')), IsOk());
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a b"),
        std::string("\xc3\xa9"), std::string(65, 'x')}) {
    EXPECT_THAT(CheckMachineName(bad), FailsWith(Code::kUsage));
  }
}

TEST_F(Registry, RecordsComeBack) {
  const MachineRecord record = Record("one");
  const auto parsed = ParseRecord("one", FormatRecord(record));
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(*parsed, record);
}

TEST_F(Registry, RecordsWithoutSenseAreErrors) {
  for (const char* const text :
       {"", "[]", "7", "{}", R"({"pid":-1,"socket":"s","started":1,"cpus":1,"memory":1})",
        R"({"pid":4294967296,"socket":"s","started":1,"cpus":1,"memory":1})",
        R"({"pid":1,"socket":1,"started":1,"cpus":1,"memory":1})"}) {
    EXPECT_THAT(ParseRecord("x", text), FailsWith(Code::kUsage)) << text;
  }
}

TEST_F(Registry, ANameIsOfOneMachineAndFreeAfterIt) {
  {
    const auto claim = NameClaim::Take(folder_, Record("one"));
    ASSERT_THAT(claim, IsOk());
    EXPECT_THAT(NameClaim::Take(folder_, Record("one")),
                FailsWith(Code::kInUse, HasSubstr("4711")));
    const auto other = NameClaim::Take(folder_, Record("another"));
    ASSERT_THAT(other, IsOk());
    const auto machines = ListMachines(folder_);
    ASSERT_THAT(machines, IsOk());
    EXPECT_THAT(*machines, ElementsAre(Record("another"), Record("one")));
    EXPECT_EQ(*FindMachine(folder_, "one"), Record("one"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_THAT(NameClaim::Take(folder_, Record("one")), IsOk());
}

TEST_F(Registry, TheFolderIsForItsUserAlone) {
  ASSERT_THAT(NameClaim::Take(folder_, Record("one")), IsOk());
  EXPECT_EQ(std::filesystem::status(folder_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(Registry, WhatAKilledMachineLeavesIsRemoved) {
  LeaveDead("one");
  EXPECT_THAT(*ListMachines(folder_, Leftovers::kKeep), IsEmpty());
  EXPECT_FALSE(std::filesystem::is_empty(folder_));
  EXPECT_THAT(*ListMachines(folder_), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  LeaveDead("one");
  const auto again = NameClaim::Take(folder_, Record("one"));
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(ListeningSocket::Create(SocketOf(folder_, "one")), IsOk());
}

// Its lock says that it lives, whatever its record says.
TEST_F(Registry, ADamagedRecordFreesNoName) {
  std::filesystem::create_directories(folder_);
  const std::string path = folder_ + "/one.machine";
  for (const std::string& text : test::Damaged(FormatRecord(Record("one")))) {
    test::Replace(path, text);
    const base::Fd owner(::open(path.c_str(), O_RDONLY));
    ASSERT_EQ(::flock(owner.raw(), LOCK_EX), 0);
    const auto machines = ListMachines(folder_);
    ASSERT_THAT(machines, IsOk());
    ASSERT_EQ(machines->size(), 1u) << text;
    EXPECT_EQ(machines->front().name, "one");
    EXPECT_THAT(NameClaim::Take(folder_, Record("one")), FailsWith(Code::kInUse, HasSubstr("one")));
  }
}

// What a dead one's record may name now is left: a socket on which somebody listens, and a file.
TEST_F(Registry, ADamagedRecordRemovesNothingOfOthers) {
  std::filesystem::create_directories(folder_);
  const std::string others = SocketOf(folder_, "one");
  const std::string whole = FormatRecord(Record("onu"));
  const auto listening = ListeningSocket::Create(others);
  ASSERT_THAT(listening, IsOk());
  std::ofstream(SocketOf(folder_, "onq")) << "a file";
  for (const std::string& text : test::Damaged(whole)) {
    test::Replace(folder_ + "/onu.machine", text);
    EXPECT_THAT(*ListMachines(folder_), IsEmpty()) << text;
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/onu.machine"));
    ASSERT_TRUE(std::filesystem::exists(others)) << text;
    ASSERT_TRUE(std::filesystem::exists(SocketOf(folder_, "onq"))) << text;
  }
}

TEST_F(Registry, ForeignFilesAreNoMachines) {
  std::filesystem::create_directories(folder_ + "/dir.machine");
  std::ofstream(folder_ + "/x y.machine") << "{}";
  std::ofstream(folder_ + "/note") << "{}";
  EXPECT_THAT(*ListMachines(folder_), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/x y.machine"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/note"));
}

TEST_F(Registry, NoFolderIsNoMachine) {
  EXPECT_THAT(*ListMachines(folder_), IsEmpty());
  EXPECT_THAT(FindMachine(folder_, "one"), FailsWith(Code::kNotFound, HasSubstr("one")));
}

TEST_F(Registry, AnUnknownNameGetsTheOthers) {
  const auto claim = NameClaim::Take(folder_, Record("one"));
  const auto found = FindMachine(folder_, "two");
  ASSERT_THAT(found, FailsWith(Code::kNotFound));
  EXPECT_EQ(found.error().hint(), "there are: one");
}

}  // namespace
}  // namespace vmm::control
