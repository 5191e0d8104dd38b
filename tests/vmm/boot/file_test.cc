#include "vmm/boot/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "tests/support/matchers.h"

namespace vmm::boot {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::AllOf;
using testing::HasSubstr;

std::string Path(const std::string& name) {
  return testing::TempDir() + std::to_string(::getpid()) + "-" + name;
}

TEST(OpenInput, RefusesWhatIsNoFile) {
  EXPECT_THAT(OpenInput("/nowhere/kernel"),
              FailsWith(Code::kUsage, HasSubstr("/nowhere/kernel: No such file")));
  EXPECT_THAT(OpenInput("/tmp"), FailsWith(Code::kUsage, HasSubstr("/tmp: is a directory")));
  EXPECT_THAT(OpenInput("/dev/null"), FailsWith(Code::kUsage, HasSubstr("regular file")));
}

TEST(OpenInput, DoesNotWaitForTheOtherEndOfAFifo) {
  const std::string path = Path("fifo");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(OpenInput(path), FailsWith(Code::kUsage, HasSubstr("regular file")));
  ::unlink(path.c_str());
}

TEST(OpenInput, RefusesAnEmptyFile) {
  const std::string path = Path("empty");
  std::ofstream(path).flush();
  EXPECT_THAT(OpenInput(path), FailsWith(Code::kUsage, AllOf(HasSubstr(path), HasSubstr("empty"))));
  ::unlink(path.c_str());
}

TEST(ReadHead, EndsWithTheFile) {
  const std::string path = Path("short");
  std::ofstream(path) << "abc";
  const auto file = OpenInput(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->size, 3u);
  const auto head = ReadHead(*file, 100);
  ASSERT_THAT(head, IsOk());
  EXPECT_EQ(head->size(), 3u);
  const auto two = ReadHead(*file, 2);
  ASSERT_THAT(two, IsOk());
  EXPECT_EQ(two->size(), 2u);
  ::unlink(path.c_str());
}

TEST(HasChanged, TellsWhatWasWrittenOnce) {
  const std::string path = Path("changed");
  std::ofstream(path) << "abc";
  auto file = OpenInput(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(HasChanged(*file), IsOkAnd(false));
  std::ofstream(path, std::ios::app) << "d";
  EXPECT_THAT(HasChanged(*file), IsOkAnd(true));
  EXPECT_EQ(file->size, 4u);
  EXPECT_THAT(HasChanged(*file), IsOkAnd(false));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(::rename(path.c_str(), Path("renamed").c_str()), 0);
  EXPECT_THAT(HasChanged(*file), IsOkAnd(false));
  ASSERT_EQ(::rename(Path("renamed").c_str(), path.c_str()), 0);
  // The same size, at another time.
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_THAT(HasChanged(*file), IsOkAnd(true));
  ::unlink(path.c_str());
}

TEST(ReadInto, NamesTheFileThatEndsTooEarly) {
  const std::string path = Path("early");
  std::ofstream(path) << "abc";
  const auto file = OpenInput(path);
  ASSERT_THAT(file, IsOk());
  std::array<std::byte, 2> bytes{};
  EXPECT_THAT(ReadInto(*file, bytes, 1), IsOk());
  EXPECT_EQ(bytes[1], std::byte{'c'});
  EXPECT_FALSE(ReadInto(*file, bytes, 2));
  EXPECT_THAT(ReadInto(*file, bytes, 2).error().message(), HasSubstr(path));
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace vmm::boot
