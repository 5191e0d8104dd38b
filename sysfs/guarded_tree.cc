#include "sysfs/guarded_tree.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "sysfs/apart.h"
#include "sysfs/base/text.h"
#include "sysfs/lock_holder.h"

namespace sysfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

// Whose show functions take the device's lock (drivers/pci/pci-sysfs.c, drivers/pci/iov.c).
constexpr std::array<std::string_view, 3> kLocked = {"driver_override", "sriov_numvfs",
                                                     "sriov_vf_total_msix"};

bool IsBehindLock(std::string_view path) {
  return std::find(kLocked.begin(), kLocked.end(), base::LastComponent(path)) != kLocked.end();
}

std::string DeviceOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// In the child, until the program ends or lets it go.
[[noreturn]] void Serve(const Tree& tree, const base::Fd& requests, const base::Fd& answers) {
  // With its own copy of the writing end it would wait for itself.
  if (!StandApart(&requests, answers)) ::_exit(1);
  std::string text;
  std::array<char, 4096> chunk{};
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ::_exit(0);
    text.append(chunk.data(), static_cast<size_t>(count));
    for (size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      const std::string answer = FormatAnswer(tree.Read(text.substr(0, end)));
      if (::write(STDOUT_FILENO, answer.data(), answer.size()) < 0) ::_exit(0);
    }
  }
}

}  // namespace

// Keeps the reading end of its requests too: so none meets a pipe that nobody reads (SIGPIPE).
class GuardedTree::Child {
 public:
  static base::Result<std::unique_ptr<Child>> Start(const Tree& tree) {
    Pipe requests = TRY(MakePipe());
    Pipe answers = TRY(MakePipe());
    const pid_t pid = ::fork();
    if (pid < 0) return base::FailErrno("start a process to read behind a lock", errno);
    if (pid == 0) Serve(tree, requests.reading, answers.writing);
    return std::unique_ptr<Child>(new Child(std::move(requests), std::move(answers.reading), pid));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    requests_.writing.Close();
    if (pid_ <= 0) return;
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  // Its number. It ends when its read does.
  pid_t Abandon() { return std::exchange(pid_, -1); }
  base::Status Ask(const std::string& path) {
    const std::string request = path + "\n";
    if (::write(requests_.writing.raw(), request.data(), request.size()) >= 0) return {};
    base::Status status = base::FailErrno("ask for " + path, errno);
    return base::Failure(std::move(status).error().WithCode(base::Code::kInternal));
  }
  // Nothing when the answer is not whole by then.
  std::optional<base::Result<std::string>> Answer(Clock::time_point end) {
    while (true) {
      if (auto answer = ParseAnswer(answers_.text())) {
        answers_.text().clear();
        return answer;
      }
      const AnswerPipe::Arrival arrival = answers_.Await(end);
      if (arrival == AnswerPipe::Arrival::kLate) return std::nullopt;
      if (arrival == AnswerPipe::Arrival::kEnd) {
        return base::Result<std::string>(
            base::Fail(base::Code::kInternal, "the reading process has ended"));
      }
    }
  }

 private:
  Child(Pipe requests, base::Fd answers, pid_t pid)
      : requests_(std::move(requests)), answers_(std::move(answers)), pid_(pid) {}

  Pipe requests_;
  AnswerPipe answers_;
  pid_t pid_;
};

GuardedTree::GuardedTree(std::unique_ptr<Tree> below, milliseconds patience)
    : WritingTree(*below), owned_(std::move(below)), patience_(patience) {}

GuardedTree::~GuardedTree() = default;

void GuardedTree::Pause() {
  is_paused_ = true;
  child_.reset();
}

base::Status GuardedTree::Write(const std::string& path, std::string_view value) {
  return below().Write(path, value);
}

base::Result<std::string> GuardedTree::Read(const std::string& path) const {
  if (is_paused_ || !IsBehindLock(path)) return owned_->Read(path);
  if (IsStuck(DeviceOf(path))) return Locked(path);
  // A child that is gone or cannot be asked is replaced, once: what is read may be needed to undo.
  for (unsigned child = 1;; ++child) {
    if (!child_) child_ = TRY(Child::Start(*owned_));
    auto text = Ask(path);
    if (text || text.error().code() != base::Code::kInternal) return text;
    child_.reset();
    if (child == 2) return text;
  }
}

base::Result<std::string> GuardedTree::Ask(const std::string& path) const {
  TRY(child_->Ask(path));
  const auto start = Clock::now();
  for (milliseconds beat = seconds(1);; beat += seconds(1)) {
    auto answer = child_->Answer(start + std::min(beat, patience_));
    const bool is_over = answer || beat >= patience_;
    if (is_over && observer_ && beat > seconds(1)) observer_("");
    if (answer) return std::move(*answer);
    if (is_over) break;
    if (observer_) {
      observer_(fmt::format("{}: waiting for its lock{}, {} of {} s",
                            base::LastComponent(DeviceOf(path)), HolderText(*owned_),
                            std::chrono::duration_cast<seconds>(beat).count(),
                            std::chrono::duration_cast<seconds>(patience_).count()));
    }
  }
  stuck_[DeviceOf(path)] = child_->Abandon();
  child_.reset();
  return Locked(path);
}

base::Failure GuardedTree::Locked(const std::string& path) const {
  return base::Fail(
      base::Code::kTimedOut,
      fmt::format("{}: its lock was not free within {:g} s, so {} cannot be read{}",
                  base::LastComponent(DeviceOf(path)),
                  std::chrono::duration<double>(patience_).count(), base::LastComponent(path),
                  HolderText(*owned_)),
      "a driver's probe or remove function, or a change of virtual functions, has not ended there "
      "(dmesg | tail); when it has, run the command again, or wait longer by --timeout");
}

bool GuardedTree::IsStuck(const std::string& device) const {
  const auto child = stuck_.find(device);
  if (child == stuck_.end()) return false;
  if (::waitpid(child->second, nullptr, WNOHANG) == 0) return true;
  stuck_.erase(child);
  return false;
}

}  // namespace sysfs
