#include "vmm/boot/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace vmm::boot {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Stamp StampOf(const struct stat& info) {
  return {static_cast<uint64_t>(info.st_size), Nanoseconds(info.st_mtim)};
}

}  // namespace

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
  return InputFile{*std::move(fd), path, static_cast<uint64_t>(info.st_size), StampOf(info)};
}

base::Result<std::vector<std::byte>> ReadHead(const InputFile& file, uint64_t size) {
  std::vector<std::byte> bytes(std::min(size, file.size));
  TRY(ReadInto(file, bytes, 0));
  return bytes;
}

base::Status ReadInto(const InputFile& file, std::span<std::byte> bytes, uint64_t offset) {
  if (auto read = base::ReadExactAt(file.fd, bytes, offset); !read) {
    return base::Failure(std::move(read).error().With(file.path));
  }
  return {};
}

base::Result<bool> HasChanged(InputFile& file) {
  struct stat info {};
  if (::fstat(file.fd.raw(), &info) != 0) return base::FailErrno(file.path, errno);
  const Stamp now = StampOf(info);
  const bool changed = now != file.stamp;
  file.stamp = now;
  file.size = now.size;
  return changed;
}

}  // namespace vmm::boot
