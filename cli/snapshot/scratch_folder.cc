#include "cli/snapshot/scratch_folder.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace cli {
namespace {

// In the child: nothing of the parent's stays open but the pipe, whose other end closes with it.
[[noreturn]] void Keep(const std::string& path, int life) {
  ::setsid();
  ::dup2(life, STDIN_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  const base::Fd nothing(::open("/dev/null", O_WRONLY));
  for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.raw(), standard);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
  ::_exit(0);
}

}  // namespace

base::Result<ScratchFolder> ScratchFolder::Make(std::string_view prefix) {
  std::error_code ignored;
  const auto top = std::filesystem::temp_directory_path(ignored);
  std::string path = ignored ? std::filesystem::path("/tmp") : top;
  path.append("/").append(prefix).append("-XXXXXX");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return base::FailErrno("pipe", errno);
  const base::Fd watched(ends[0]);
  base::Fd life(ends[1]);
  if (::mkdtemp(path.data()) == nullptr) return base::FailErrno("make " + path, errno);
  const pid_t keeper = ::fork();
  if (keeper == 0) Keep(path, watched.raw());
  if (keeper < 0) {
    const int error = errno;
    ::rmdir(path.c_str());
    return base::FailErrno("start who removes " + path, error);
  }
  return ScratchFolder(std::move(path), std::move(life), keeper);
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept
    : path_(std::move(other.path_)),
      life_(std::move(other.life_)),
      keeper_(std::exchange(other.keeper_, -1)) {}

ScratchFolder::~ScratchFolder() {
  if (keeper_ < 0) return;
  life_.Close();
  while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace cli
