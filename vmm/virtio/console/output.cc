#include "vmm/virtio/console/output.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "vmm/devices/fd_sink.h"

namespace vmm::virtio {
namespace {

// A terminal is ready when it has room for as many as this (tty_poll).
constexpr size_t kTerminalPiece = 256;

class DescriptorOutput final : public ConsoleOutput {
 public:
  DescriptorOutput(base::Fd fd, std::string name)
      : fd_(std::move(fd)),
        name_(std::move(name)),
        piece_(::isatty(fd_.raw()) == 1 ? kTerminalPiece : PIPE_BUF) {}

  size_t Take(std::span<const std::byte> bytes) override {
    pollfd poll{fd_.raw(), POLLOUT, 0};
    if (::poll(&poll, 1, 0) <= 0) return 0;
    const ssize_t count = ::write(fd_.raw(), bytes.data(), std::min(bytes.size(), piece_));
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    // Nobody will read it: what is written is gone, as with a serial port.
    return count < 0 ? bytes.size() : static_cast<size_t>(count);
  }
  base::Result<Watch> WhenReady(EventLoop& loop, std::function<void()> ready) override {
    return loop.Add(fd_, std::move(ready), Wait::kWritable);
  }
  bool keeps_pace() const override { return false; }
  void End(OutputRing& rest) override {
    if (rest.size() == 0) return;
    FdSink sink(std::move(fd_), name_, FdSink::kConsolePatience);
    for (; rest.size() != 0; rest.Pop(rest.Front().size())) {
      const std::span<const std::byte> front = rest.Front();
      sink.Write({reinterpret_cast<const uint8_t*>(front.data()), front.size()});
    }
  }

 private:
  base::Fd fd_;
  const std::string name_;
  const size_t piece_;  // that a ready output takes without waiting
};

}  // namespace

base::Result<std::unique_ptr<ConsoleOutput>> MakeConsoleOutput(base::Fd fd,
                                                               const std::string& name) {
  struct stat facts {};
  if (::fstat(fd.raw(), &facts) != 0) return base::FailErrno(name, errno);
  if (S_ISREG(facts.st_mode)) return MakeFileOutput(std::move(fd), name);
  return std::unique_ptr<ConsoleOutput>(std::make_unique<DescriptorOutput>(std::move(fd), name));
}

}  // namespace vmm::virtio
