#include "sysfs/base/fd.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace base {
namespace {

// Repeats `call` while a signal interrupts it.
template <class Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    Close();
    raw_ = other.Release();
  }
  return *this;
}

void Fd::Close() {
  if (raw_ >= 0) ::close(Release());
}

Result<Fd> Fd::Duplicate() const {
  const int copy = ::fcntl(raw_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return FailErrno("duplicate a descriptor", errno);
  return Fd(copy);
}

Result<Fd> OpenFile(const std::string& path, int flags, unsigned mode) {
  const int raw = Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (raw < 0) return FailErrno(path, errno);
  return Fd(raw);
}

Status ReadExactAt(const Fd& fd, std::span<std::byte> into, uint64_t offset) {
  while (!into.empty()) {
    const ssize_t count = Retry(
        [&] { return ::pread(fd.raw(), into.data(), into.size(), static_cast<off_t>(offset)); });
    if (count < 0) return FailErrno("read", errno);
    if (count == 0) return Fail(Code::kKernel, "read: end of file");
    into = into.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Status WriteAllAt(const Fd& fd, std::span<const std::byte> from, uint64_t offset) {
  while (!from.empty()) {
    const ssize_t count = Retry(
        [&] { return ::pwrite(fd.raw(), from.data(), from.size(), static_cast<off_t>(offset)); });
    if (count < 0) return FailErrno("write", errno);
    from = from.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Status WriteAll(const Fd& fd, std::span<const std::byte> from) {
  while (!from.empty()) {
    const ssize_t count = Retry([&] { return ::write(fd.raw(), from.data(), from.size()); });
    if (count < 0) return FailErrno("write", errno);
    from = from.subspan(static_cast<size_t>(count));
  }
  return {};
}

Result<std::string> ReadFile(const std::string& path, size_t limit) {
  const Fd fd = TRY(OpenFile(path, O_RDONLY));
  std::string text;
  std::array<char, 4096> chunk;
  while (true) {
    const ssize_t count = Retry([&] { return ::read(fd.raw(), chunk.data(), chunk.size()); });
    if (count < 0) return FailErrno(path, errno);
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<size_t>(count));
    if (text.size() > limit)
      return Fail(Code::kUsage, path + ": larger than " + std::to_string(limit) + " bytes");
  }
}

Result<EventFd> EventFd::Create() {
  const int raw = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (raw < 0) return FailErrno("create an eventfd", errno);
  return EventFd(Fd(raw));
}

Status EventFd::Signal() const {
  const uint64_t one = 1;
  if (Retry([&] { return ::write(fd_.raw(), &one, sizeof one); }) < 0)
    return FailErrno("signal an eventfd", errno);
  return {};
}

Result<uint64_t> EventFd::Take() const {
  uint64_t count = 0;
  if (Retry([&] { return ::read(fd_.raw(), &count, sizeof count); }) >= 0) return count;
  if (errno == EAGAIN) return uint64_t{0};
  return FailErrno("read an eventfd", errno);
}

}  // namespace base
