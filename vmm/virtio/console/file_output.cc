#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "sysfs/base/log.h"
#include "vmm/devices/fd_sink.h"
#include "vmm/thread.h"
#include "vmm/virtio/console/output.h"

namespace vmm::virtio {
namespace {

using std::chrono::steady_clock;

// What the thread works with. It may outlive the output, in a write that does not end.
class Writer {
 public:
  Writer(base::Fd fd, std::string name, base::EventFd idle)
      : fd_(std::move(fd)), name_(std::move(name)), idle_(std::move(idle)) {}

  const base::Fd& idle_event() const { return idle_.fd(); }
  const std::string& name() const { return name_; }
  void Heard() { static_cast<void>(idle_.Take()); }

  // Whether it was idle, and has taken them.
  bool Give(std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    if (busy_) return false;
    piece_.assign(bytes.begin(), bytes.end());
    busy_ = true;
    change_.notify_all();
    return true;
  }
  bool WaitIdle(steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return change_.wait_until(lock, deadline, [this] { return !busy_; });
  }
  void End() {
    const std::lock_guard lock(mutex_);
    end_ = true;
    change_.notify_all();
  }
  // The thread's: until End, and the piece at hand is written.
  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      change_.wait(lock, [this] { return end_ || busy_; });
      if (!busy_) return;
      lock.unlock();
      Write(piece_);
      lock.lock();
      busy_ = false;
      change_.notify_all();
      static_cast<void>(idle_.Signal());
    }
  }
  void Write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_.raw(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        return log_.Log(base::Level::kWarning, "{}: {}; {} bytes of the guest are lost", name_,
                        std::strerror(errno), bytes.size());
      }
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
  }

 private:
  const base::Fd fd_;
  const std::string name_;
  const base::EventFd idle_;
  base::Limited log_;
  std::mutex mutex_;
  std::condition_variable change_;
  std::vector<std::byte> piece_;  // the thread's while it is busy
  bool busy_ = false;
  bool end_ = false;
};

class FileOutput final : public ConsoleOutput {
 public:
  explicit FileOutput(std::shared_ptr<Writer> writer) : writer_(std::move(writer)) {}
  FileOutput(const FileOutput&) = delete;
  FileOutput& operator=(const FileOutput&) = delete;
  ~FileOutput() override;

  size_t Take(std::span<const std::byte> bytes) override;
  base::Result<Watch> WhenReady(EventLoop& loop, std::function<void()> ready) override {
    return loop.Add(writer_->idle_event(), [writer = writer_, ready = std::move(ready)] {
      writer->Heard();
      ready();
    });
  }
  bool keeps_pace() const override { return true; }
  void End(OutputRing& rest) override;

 private:
  std::shared_ptr<Writer> writer_;
  Thread thread_;
};

size_t FileOutput::Take(std::span<const std::byte> bytes) {
  if (!thread_.joinable()) {
    auto started = Thread::Start("console", [writer = writer_] { writer->Work(); });
    if (!started) {
      // Rather slow than silent.
      writer_->Write(bytes);
      return bytes.size();
    }
    thread_ = std::move(*started);
  }
  return writer_->Give(bytes) ? bytes.size() : 0;
}

void FileOutput::End(OutputRing& rest) {
  if (!thread_.joinable()) return;
  const auto deadline = steady_clock::now() + FdSink::kConsolePatience;
  while (rest.size() != 0 && writer_->WaitIdle(deadline)) rest.Pop(Take(rest.Front()));
}

FileOutput::~FileOutput() {
  if (!thread_.joinable()) return;
  writer_->End();
  if (thread_.WaitUntil(steady_clock::now() + FdSink::kConsolePatience)) return;
  base::Log(base::Level::kWarning,
            "{}: its storage does not answer; the guest's last bytes may be lost", writer_->name());
  thread_.Abandon();
}

}  // namespace

base::Result<std::unique_ptr<ConsoleOutput>> MakeFileOutput(base::Fd fd, const std::string& name) {
  auto writer = std::make_shared<Writer>(std::move(fd), name, TRY(base::EventFd::Create()));
  return std::unique_ptr<ConsoleOutput>(std::make_unique<FileOutput>(std::move(writer)));
}

}  // namespace vmm::virtio
