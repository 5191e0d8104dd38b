#include "vmm/boot/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace vmm::boot {

base::Result<InputFile> OpenInput(const std::string& path) {
  // A FIFO would block an open without O_NONBLOCK.
  auto fd = base::OpenFile(path, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    const bool denied = fd.error().code() == base::Code::kDenied;
    return base::Failure(
        std::move(fd).error().WithCode(denied ? base::Code::kDenied : base::Code::kUsage));
  }
  struct stat info {};
  if (::fstat(fd->raw(), &info) != 0) return base::FailErrno(path, errno);
  if (S_ISDIR(info.st_mode)) return base::Fail(base::Code::kUsage, path + ": is a directory");
  if (!S_ISREG(info.st_mode)) {
    return base::Fail(base::Code::kUsage, path + ": is not a regular file");
  }
  if (info.st_size == 0) return base::Fail(base::Code::kUsage, path + ": the file is empty");
  return InputFile{*std::move(fd), path, static_cast<uint64_t>(info.st_size)};
}

base::Result<std::vector<std::byte>> ReadHead(const InputFile& file, uint64_t size) {
  std::vector<std::byte> bytes(std::min(size, file.size));
  if (auto read = base::ReadExactAt(file.fd, bytes, 0); !read) {
    return base::Failure(std::move(read).error().With(file.path));
  }
  return bytes;
}

}  // namespace vmm::boot
