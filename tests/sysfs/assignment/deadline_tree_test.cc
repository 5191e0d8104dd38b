#include "sysfs/assignment/deadline_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace sysfs {
namespace {

using base::Code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

// Writes to real files; reading is not asked for here.
class FileTree final : public Tree {
 public:
  base::Result<std::string> Read(const std::string& path) const override {
    return base::ReadFile(path);
  }
  base::Result<std::vector<std::byte>> ReadBytes(const std::string&, size_t) const override {
    return std::vector<std::byte>();
  }
  base::Result<std::string> ReadLink(const std::string& path) const override { return path; }
  base::Result<std::vector<std::string>> List(const std::string&) const override {
    return std::vector<std::string>();
  }
  bool Exists(const std::string&) const override { return true; }
  base::Status Write(const std::string& path, std::string_view value) override {
    const base::Fd fd = TRY(base::OpenFile(path, O_WRONLY));
    return base::WriteAll(fd, std::as_bytes(std::span(value)));
  }
};

class DeadlineTreeTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::vector<FileLock> TakeLock() const {
    std::vector<FileLock> locks;
    auto lock = FileLock::Take(Path("lock"), milliseconds(0), Code::kLocked);
    if (lock) locks.push_back(std::move(*lock));
    return locks;
  }

  test::TempFolder folder_;
  FileTree files_;
};

TEST_F(DeadlineTreeTest, KeepsTheErrnoOfTheWrite) {
  DeadlineTree tree(files_, seconds(10), {});
  const auto status = tree.Write(Path("absent"), "x");
  ASSERT_THAT(status, FailsWith(Code::kNotFound, HasSubstr("absent")));
  EXPECT_EQ(status.error().err(), ENOENT);
}

TEST_F(DeadlineTreeTest, WritesTheValue) {
  ASSERT_THAT(base::OpenFile(Path("file"), O_WRONLY | O_CREAT, 0600), IsOk());
  DeadlineTree tree(files_, seconds(10), {});
  EXPECT_THAT(tree.Write(Path("file"), "0000:08:00.0"), IsOk());
  EXPECT_THAT(tree.Read(Path("file")), test::IsOkAnd(testing::Eq("0000:08:00.0")));
}

// A FIFO without a reader blocks its writer in open, as unbind blocks in a driver.
TEST_F(DeadlineTreeTest, StuckWriteTimesOutAndKeepsTheLock) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  {
    const auto locks = TakeLock();
    ASSERT_EQ(locks.size(), 1u);
    DeadlineTree tree(files_, milliseconds(50), locks);
    EXPECT_THAT(tree.Write(Path("fifo"), "x"),
                FailsWith(Code::kTimedOut, testing::AllOf(HasSubstr("fifo"), HasSubstr("pid "))));
  }
  // We gave ours back, the writer has it still and says who it is, once it has come so far.
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  while (base::ReadFile(Path("lock"), 4096).value_or("").find("fifo") == std::string::npos &&
         std::chrono::steady_clock::now() < end)
    ::poll(nullptr, 0, 1);
  const auto denied = FileLock::Take(Path("lock"), milliseconds(0), Code::kTimedOut);
  ASSERT_THAT(denied, FailsWith(Code::kTimedOut, HasSubstr("fifo")));

  // Let the write finish: then the lock is free.
  const base::Fd reader(::open(Path("fifo").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(reader.valid());
  std::array<char, 2> taken{};
  EXPECT_EQ(::read(reader.raw(), taken.data(), taken.size()), 1);
  ASSERT_GT(::waitpid(-1, nullptr, 0), 0);
  EXPECT_THAT(FileLock::Take(Path("lock"), milliseconds(0), Code::kTimedOut), IsOk());
}

TEST_F(DeadlineTreeTest, ObserverHearsOfALongWrite) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  std::vector<std::pair<int, milliseconds>> heard;
  DeadlineTree tree(files_, milliseconds(1200), {},
                    [&](int pid, milliseconds waited) { heard.emplace_back(pid, waited); });
  EXPECT_THAT(tree.Write(Path("fifo"), "x"), FailsWith(Code::kTimedOut));
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_GT(heard.front().first, 0);
  EXPECT_GE(heard.front().second, milliseconds(1000));
  const base::Fd reader(::open(Path("fifo").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::waitpid(heard.front().first, nullptr, 0), heard.front().first);
}

// A reader of our output must not wait for a stuck write.
TEST_F(DeadlineTreeTest, WriterHoldsNoOtherDescriptor) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  std::array<int, 2> raw{};
  ASSERT_EQ(::pipe2(raw.data(), O_CLOEXEC), 0);
  const base::Fd read_end(raw[0]);
  base::Fd write_end(raw[1]);
  DeadlineTree tree(files_, milliseconds(50), {});
  EXPECT_THAT(tree.Write(Path("fifo"), "x"), FailsWith(Code::kTimedOut));
  write_end.Close();
  char byte = 0;
  EXPECT_EQ(::read(read_end.raw(), &byte, 1), 0);  // end of file, no writer is left

  const base::Fd reader(::open(Path("fifo").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_GT(::waitpid(-1, nullptr, 0), 0);
}

}  // namespace
}  // namespace sysfs
