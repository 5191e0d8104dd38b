#include "sysfs/guarded.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sysfs/apart.h"
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

[[noreturn]] void RunReader(const Tree& tree, std::span<PciDevice* const> devices,
                            const base::Fd& answers) {
  if (!StandApart(nullptr, answers)) ::_exit(1);
  for (PciDevice* device : devices) {
    const base::Status status = ReadBehindLock(tree, *device);
    const std::string answer = FormatAnswer(*device, status);
    if (::write(STDOUT_FILENO, answer.data(), answer.size()) < 0) break;
  }
  ::_exit(0);
}

class Reader {
 public:
  // Nothing to read from when no process could be started: then no device answers.
  Reader(const Tree& tree, std::span<PciDevice* const> devices) {
    auto pipe = MakePipe();
    if (!pipe) return;
    pid_ = ::fork();
    if (pid_ == 0) RunReader(tree, devices, pipe->writing);
    answers_ = AnswerPipe(std::move(pipe->reading));
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
      std::string& text = answers_.text();
      if (const size_t newline = text.find('\n'); newline != std::string::npos) {
        std::string line = text.substr(0, newline);
        text.erase(0, newline + 1);
        return line;
      }
      if (pid_ <= 0 || answers_.Await(end) != AnswerPipe::Arrival::kText) return std::nullopt;
    }
  }

 private:
  AnswerPipe answers_;
  pid_t pid_ = -1;
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
