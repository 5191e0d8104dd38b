#include "cli/snapshot/scratch_folder.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

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

// The keeper of a killed owner becomes ours, so that its end can be waited for.
TEST(ScratchFolder, GoesWithAKilledProcess) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const auto folder = ScratchFolder::Make("vassign-test");
    if (!folder) ::_exit(1);
    std::ofstream(folder->path() + "/file") << "text";
    (void)!::write(ends[1], folder->path().data(), folder->path().size());
    ::close(ends[1]);
    while (true) ::pause();
  }
  ::close(ends[1]);
  std::string path(4096, '\0');
  path.resize(static_cast<size_t>(std::max<ssize_t>(::read(ends[0], path.data(), path.size()), 0)));
  ::close(ends[0]);
  EXPECT_TRUE(std::filesystem::exists(path + "/file"));
  ASSERT_EQ(::kill(owner, SIGKILL), 0);
  EXPECT_EQ(::waitpid(owner, nullptr, 0), owner);
  EXPECT_GT(::wait(nullptr), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace cli
