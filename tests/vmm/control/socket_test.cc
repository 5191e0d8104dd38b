#include "vmm/control/socket.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace vmm::control {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

class Socket : public testing::Test {
 protected:
  test::TempFolder folder_;
  const std::string path_ = folder_.path() + "/s";
};

TEST_F(Socket, IsForItsUserAloneAndGoesWithItsOwner) {
  {
    const auto socket = ListeningSocket::Create(path_);
    ASSERT_THAT(socket, IsOk());
    struct stat file {};
    ASSERT_EQ(::lstat(path_.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 07777, 0600u);
    const auto client = ConnectTo(path_);
    ASSERT_THAT(client, IsOk());
    EXPECT_EQ(PeerOf(*client)->pid, ::getpid());
    const auto accepted = socket->Accept();
    ASSERT_THAT(accepted, IsOk());
    ASSERT_TRUE(*accepted);
    EXPECT_EQ(PeerOf(**accepted)->uid, ::geteuid());
    EXPECT_FALSE(*socket->Accept());
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_THAT(ConnectTo(path_), FailsWith(Code::kNotFound));
}

TEST_F(Socket, ALiveOneIsRefusedWithItsProcess) {
  const auto socket = ListeningSocket::Create(path_);
  ASSERT_THAT(socket, IsOk());
  EXPECT_THAT(ListeningSocket::Create(path_),
              FailsWith(Code::kInUse, HasSubstr(std::to_string(::getpid()))));
  EXPECT_FALSE(RemoveIfDead(path_));
  EXPECT_THAT(ConnectTo(path_), IsOk());
}

// What a killed process leaves: the file without a listener.
void LeaveDead(const std::string& path) {
  auto socket = ListeningSocket::Create(path);
  ASSERT_THAT(socket, IsOk());
  std::filesystem::rename(path, path + ".kept");
  { const ListeningSocket dying = std::move(*socket); }
  std::filesystem::rename(path + ".kept", path);
}

TEST_F(Socket, ADeadOneIsReplaced) {
  LeaveDead(path_);
  EXPECT_THAT(ConnectTo(path_), FailsWith(Code::kNotFound));
  EXPECT_THAT(ListeningSocket::Create(path_), IsOk());
  LeaveDead(path_);
  EXPECT_TRUE(RemoveIfDead(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Socket, AnotherFileIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(ListeningSocket::Create(path_), FailsWith(Code::kUsage, HasSubstr("no socket")));
  EXPECT_FALSE(RemoveIfDead(path_));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(Socket, SomebodyElsesFileStays) {
  {
    const auto socket = ListeningSocket::Create(path_);
    ASSERT_THAT(socket, IsOk());
    std::filesystem::remove(path_);
    std::ofstream(path_) << "new";
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(Socket, PathsThatDoNotWork) {
  EXPECT_THAT(CheckSocketPath(""), FailsWith(Code::kUsage));
  EXPECT_THAT(CheckSocketPath(std::string(107, 'x')), IsOk());
  EXPECT_THAT(ListeningSocket::Create(std::string(108, 'x')),
              FailsWith(Code::kUsage, HasSubstr("107")));
  EXPECT_THAT(ListeningSocket::Create(folder_.path() + "/none/s"), FailsWith(Code::kNotFound));
}

}  // namespace
}  // namespace vmm::control
