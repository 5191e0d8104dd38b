#include "sysfs/guarded.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sysfs/base/fd.h"
#include "sysfs/base/text.h"

namespace sysfs {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// "3 vfio-pci", "- -": the number of virtual functions and the override, one line a device. "! why"
// when they cannot be read.
constexpr std::string_view kNone = "-";
constexpr std::string_view kError = "!";

std::string FirstLine(std::string text) {
  text.resize(std::min(text.size(), text.find('\n')));
  return text;
}

std::string FormatAnswer(const PciDevice& device, const base::Status& status) {
  if (!status) return fmt::format("{} {}\n", kError, FirstLine(status.error().message()));
  // A recorded file may hold anything.
  const std::string wanted = FirstLine(device.driver_override.value_or(std::string(kNone)));
  const std::string count =
      device.sriov_numvfs ? std::to_string(*device.sriov_numvfs) : std::string(kNone);
  return fmt::format("{} {}\n", count, wanted);
}

void TakeAnswer(std::string_view line, PciDevice& device, LockErrors& errors) {
  const size_t blank = std::min(line.find(' '), line.size());
  if (line.substr(0, blank) == kError) {
    device.busy = true;
    errors[device.address] = std::string(line.substr(std::min(blank + 1, line.size())));
    return;
  }
  const auto count = base::ParseDecimal(line.substr(0, blank), UINT16_MAX);
  if (count) device.sriov_numvfs = static_cast<unsigned>(*count);
  const std::string_view wanted = line.substr(std::min(blank + 1, line.size()));
  if (wanted != kNone) device.driver_override = std::string(wanted);
}

// In the child. It may outlive the program: nothing but the answers' pipe stays open, so that
// nobody waits for the end of ours.
[[noreturn]] void RunReader(const Tree& tree, std::span<PciDevice* const> devices,
                            const base::Fd& answers) {
  constexpr int kKept = 3;
  std::signal(SIGPIPE, SIG_DFL);
  ::dup2(answers.raw(), kKept);
  ::close_range(kKept + 1, ~0U, 0);
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(nothing.raw(), standard);
  for (PciDevice* device : devices) {
    const base::Status status = ReadBehindLock(tree, *device);
    const std::string answer = FormatAnswer(*device, status);
    if (::write(kKept, answer.data(), answer.size()) < 0) break;
  }
  ::_exit(0);
}

class Reader {
 public:
  // Nothing to read from when no process could be started: then no device answers.
  Reader(const Tree& tree, std::span<PciDevice* const> devices) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return;
    answers_ = base::Fd(ends[0]);
    const base::Fd writing(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) RunReader(tree, devices, writing);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // Leaves the child behind: it sleeps on a lock and dies when it wakes up. Its number.
  pid_t Abandon() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    return std::exchange(pid_, -1);
  }
  // The next answer; nothing when none came in time, or none will come.
  std::optional<std::string> Next(milliseconds patience) {
    const auto end = Clock::now() + patience;
    while (true) {
      if (const size_t newline = text_.find('\n'); newline != std::string::npos) {
        std::string line = text_.substr(0, newline);
        text_.erase(0, newline + 1);
        return line;
      }
      if (pid_ <= 0 || ended_ || !WaitUntil(end)) return std::nullopt;
      Receive();
    }
  }

 private:
  bool WaitUntil(Clock::time_point end) const {
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now()).count();
      pollfd waiting{answers_.raw(), POLLIN, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
      if (ready >= 0) return ready > 0;
      if (errno != EINTR) return false;
    }
  }

  void Receive() {
    std::array<char, 65536> chunk;
    const ssize_t count = ::read(answers_.raw(), chunk.data(), chunk.size());
    if (count > 0) text_.append(chunk.data(), static_cast<size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) ended_ = true;
  }

  base::Fd answers_;
  pid_t pid_ = -1;
  std::string text_;
  bool ended_ = false;
};

}  // namespace

bool GuardedReader::IsStuck(const PciAddress& address) {
  const auto child = stuck_.find(address);
  if (child == stuck_.end()) return false;
  if (::waitpid(child->second, nullptr, WNOHANG) == 0) return true;
  stuck_.erase(child);
  return false;
}

LockErrors GuardedReader::Read(const Tree& tree, std::span<PciDevice> devices, Patience patience) {
  LockErrors errors;
  constexpr milliseconds kLeast(20);
  std::vector<PciDevice*> asked;
  for (PciDevice& device : devices) {
    device.busy = IsStuck(device.address);
    if (!device.busy) asked.push_back(&device);
  }
  milliseconds left = patience.total;
  for (std::span<PciDevice* const> pending = asked; !pending.empty();) {
    Reader reader(tree, pending);
    const milliseconds share = std::max(kLeast, left / 4);
    std::optional<std::string> answer;
    while (!pending.empty() && (answer = reader.Next(share))) {
      TakeAnswer(*answer, *pending.front(), errors);
      pending = pending.subspan(1);
    }
    if (pending.empty()) break;
    PciDevice& silent = *pending.front();
    silent.busy = true;
    if (const pid_t child = reader.Abandon(); child > 0) stuck_[silent.address] = child;
    pending = pending.subspan(1);
    left = std::max(milliseconds(0), left - share);
  }
  return errors;
}

LockErrors ReadGuarded(const Tree& tree, std::span<PciDevice> devices, Patience patience) {
  return GuardedReader().Read(tree, devices, patience);
}

}  // namespace sysfs
