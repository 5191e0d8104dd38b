#include "cli/snapshot/scratch_folder.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/matchers.h"

namespace cli {
namespace {

TEST(ScratchFolder, GoesWithItsOwner) {
  std::string path;
  {
    auto folder = ScratchFolder::Make("vassign-test");
    ASSERT_THAT(folder, test::IsOk());
    const ScratchFolder moved = std::move(*folder);
    path = moved.path();
    std::filesystem::create_directories(path + "/a/b");
    std::ofstream(path + "/a/b/c") << "text";
    EXPECT_TRUE(std::filesystem::exists(path + "/a/b/c"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

// Makes a folder with a file, tells its path and waits for its end.
[[noreturn]] void OwnFolder(int told) {
  const auto folder = ScratchFolder::Make("vassign-test");
  if (!folder) ::_exit(1);
  std::ofstream(folder->path() + "/file") << "text";
  (void)!::write(told, folder->path().data(), folder->path().size());
  while (true) ::pause();
}

// In a process of its own: the keeper of the killed owner becomes its child, so that the end of
// both can be waited for.
bool IsGoneWithAKilledOwner() {
  std::array<int, 2> ends{};
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || ::pipe(ends.data()) < 0) return false;
  const pid_t owner = ::fork();
  if (owner == 0) OwnFolder(ends[1]);
  std::array<char, 4096> path{};
  if (::read(ends[0], path.data(), path.size() - 1) <= 0) return false;
  const bool was_there = std::filesystem::exists(std::string(path.data()) + "/file");
  ::kill(owner, SIGKILL);
  while (::wait(nullptr) > 0) {
  }
  return was_there && !std::filesystem::exists(path.data());
}

TEST(ScratchFolder, GoesWithAKilledProcess) {
  const pid_t watcher = ::fork();
  if (watcher == 0) ::_exit(IsGoneWithAKilledOwner() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(::waitpid(watcher, &status, 0), watcher);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace cli
