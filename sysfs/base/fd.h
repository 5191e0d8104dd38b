// Owned file descriptors and the calls on them.
//
// Every descriptor is close-on-exec. EINTR and short transfers are handled here, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "sysfs/base/result.h"

namespace base {

// Move-only; closes on destruction. raw() is an argument of a call, never stored.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int raw) : raw_(raw) {}
  Fd(Fd&& other) noexcept : raw_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }

  int raw() const { return raw_; }
  bool valid() const { return raw_ >= 0; }
  [[nodiscard]] int Release() { return std::exchange(raw_, -1); }
  void Close();
  Result<Fd> Duplicate() const;

 private:
  int raw_ = -1;
};

// flags as open(2); O_CLOEXEC is added. The message names the path.
Result<Fd> OpenFile(const std::string& path, int flags, unsigned mode = 0);

// Fails when fewer bytes than asked for are there (end of file is an error).
Status ReadExactAt(const Fd& fd, std::span<std::byte> into, uint64_t offset);
Status WriteAllAt(const Fd& fd, std::span<const std::byte> from, uint64_t offset);
Status WriteAll(const Fd& fd, std::span<const std::byte> from);
// A whole regular or virtual file, refused beyond `limit` bytes.
Result<std::string> ReadFile(const std::string& path, size_t limit = size_t{16} << 20);

// A counter of events (eventfd(2)), non-blocking.
class EventFd {
 public:
  static Result<EventFd> Create();
  const Fd& fd() const { return fd_; }
  Status Signal() const;
  // The count since the last call, 0 when there was none.
  Result<uint64_t> Take() const;

 private:
  explicit EventFd(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace base
