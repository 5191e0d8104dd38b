#include "sysfs/guarded_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>

#include "sysfs/base/fd.h"
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

struct Pipe {
  base::Fd reading;
  base::Fd writing;
};

base::Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return base::FailErrno("make a pipe", errno);
  return Pipe{base::Fd(ends[0]), base::Fd(ends[1])};
}

// "CODE ERRNO SIZE\n", then the content or the error's message; CODE is 0 for a content.
std::string FormatAnswer(const base::Result<std::string>& text) {
  if (text) return fmt::format("0 0 {}\n{}", text->size(), *text);
  const base::Error& error = text.error();
  return fmt::format("{} {} {}\n{}", static_cast<int>(error.code()), error.err(),
                     error.message().size(), error.message());
}

// Nothing while a part of it is missing.
std::optional<base::Result<std::string>> ParseAnswer(std::string_view text) {
  const size_t newline = text.find('\n');
  if (newline == std::string_view::npos) return std::nullopt;
  const auto words = base::Split(text.substr(0, newline), ' ');
  const std::string_view rest = text.substr(newline + 1);
  const auto size = base::ParseDecimal(words.back());
  if (words.size() != 3 || !size) {
    return base::Result<std::string>(
        base::Fail(base::Code::kInternal, "a reading process gave no answer that is one"));
  }
  if (rest.size() < *size) return std::nullopt;
  const auto code = base::ParseDecimal(words[0], UINT8_MAX).value_or(0);
  const auto err = base::ParseDecimal(words[1], INT32_MAX).value_or(0);
  if (code == 0) return base::Result<std::string>(std::string(rest));
  return base::Result<std::string>(base::Failure(
      base::Error(static_cast<base::Code>(code), std::string(rest), static_cast<int>(err))));
}

// In the child: nothing of ours stays open but the two pipes. Not a lock, which would outlive the
// program, and not a pipe that somebody reads until its end. Until the program ends or lets it go.
[[noreturn]] void Serve(const Tree& tree, const base::Fd& requests, const base::Fd& answers) {
  // The terminal's Ctrl-C is for the program, which may have devices to give back.
  for (const int ignored : {SIGINT, SIGHUP, SIGTERM}) std::signal(ignored, SIG_IGN);
  std::signal(SIGPIPE, SIG_DFL);
  const base::Fd in(::fcntl(requests.raw(), F_DUPFD, STDERR_FILENO + 1));
  const base::Fd out(::fcntl(answers.raw(), F_DUPFD, STDERR_FILENO + 1));
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  // With its own copy of the writing end it would wait for itself.
  const bool is_ready =
      ::dup2(in.raw(), STDIN_FILENO) >= 0 && ::dup2(out.raw(), STDOUT_FILENO) >= 0 &&
      ::dup2(nothing.raw(), STDERR_FILENO) >= 0 && ::close_range(STDERR_FILENO + 1, ~0U, 0) == 0;
  if (!is_ready) ::_exit(1);
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
      if (auto answer = ParseAnswer(text_)) {
        text_.clear();
        return answer;
      }
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now()).count();
      pollfd waiting{answers_.raw(), POLLIN, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
      if (ready == 0) return std::nullopt;
      const bool is_lost = ready < 0 ? errno != EINTR : !Receive();
      if (is_lost) {
        return base::Result<std::string>(
            base::Fail(base::Code::kInternal, "the reading process has ended"));
      }
    }
  }

 private:
  Child(Pipe requests, base::Fd answers, pid_t pid)
      : requests_(std::move(requests)), answers_(std::move(answers)), pid_(pid) {}

  // False at the end.
  bool Receive() {
    std::array<char, 4096> chunk{};
    const ssize_t count = ::read(answers_.raw(), chunk.data(), chunk.size());
    if (count > 0) text_.append(chunk.data(), static_cast<size_t>(count));
    return count > 0 || (count < 0 && errno == EINTR);
  }

  Pipe requests_;
  base::Fd answers_;
  pid_t pid_;
  std::string text_;
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
