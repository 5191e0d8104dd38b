#include "sysfs/apart.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

using std::chrono::milliseconds;

bool WriteAll(int raw, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(raw, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

std::string DescribeWait(int pid) {
  const std::string folder = fmt::format("/proc/{}/", pid);
  const auto where = base::ReadFile(folder + "wchan");
  if (where && !where->empty() && *where != "0")
    return fmt::format("pid {} waits in {}", pid, *where);
  return fmt::format("pid {} is in the kernel", pid);
}

base::Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return base::FailErrno("make a pipe", errno);
  return Pipe{base::Fd(ends[0]), base::Fd(ends[1])};
}

bool StandApart(const base::Fd* in, const base::Fd& out) {
  for (const int ignored : {SIGINT, SIGHUP, SIGTERM}) std::signal(ignored, SIG_IGN);
  std::signal(SIGPIPE, SIG_DFL);
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  // Above the three that are replaced.
  const base::Fd input(::fcntl((in != nullptr ? *in : nothing).raw(), F_DUPFD, STDERR_FILENO + 1));
  const base::Fd output(::fcntl(out.raw(), F_DUPFD, STDERR_FILENO + 1));
  return ::dup2(input.raw(), STDIN_FILENO) >= 0 && ::dup2(output.raw(), STDOUT_FILENO) >= 0 &&
         ::dup2(nothing.raw(), STDERR_FILENO) >= 0 && ::close_range(STDERR_FILENO + 1, ~0U, 0) == 0;
}

// "CODE ERRNO SIZE\n", then the content or the error's message; CODE is 0 for a content.
std::string FormatAnswer(const base::Result<std::string>& answer) {
  if (answer) return fmt::format("0 0 {}\n{}", answer->size(), *answer);
  const base::Error& error = answer.error();
  return fmt::format("{} {} {}\n{}", static_cast<int>(error.code()), error.err(),
                     error.message().size(), error.message());
}

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

AnswerPipe::Arrival AnswerPipe::Await(std::chrono::steady_clock::time_point end) {
  std::array<char, 65536> chunk;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    pollfd waiting{reading_.raw(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready == 0) return Arrival::kLate;
    const ssize_t count = ready < 0 ? -1 : ::read(reading_.raw(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Arrival::kEnd;
    text_.append(chunk.data(), static_cast<size_t>(count));
    return Arrival::kText;
  }
}

base::Result<std::string> Apart::Ask(std::string_view what,
                                     const std::function<base::Result<std::string>()>& question) {
  if (stuck_ > 0 && ::waitpid(stuck_, nullptr, WNOHANG) == 0) return Late(what);
  stuck_ = -1;
  Pipe pipe = TRY(MakePipe());
  const pid_t pid = ::fork();
  // A limit of processes (EAGAIN) is a lack like that of memory.
  if (pid < 0) return base::FailErrno(fmt::format("start a process to ask for {}", what), ENOMEM);
  if (pid == 0) {
    const bool is_told =
        StandApart(nullptr, pipe.writing) && WriteAll(STDOUT_FILENO, FormatAnswer(question()));
    ::_exit(is_told ? 0 : 1);
  }
  pipe.writing.Close();
  AnswerPipe answers(std::move(pipe.reading));
  const auto end = std::chrono::steady_clock::now() + patience_;
  AnswerPipe::Arrival arrival = AnswerPipe::Arrival::kText;
  // Until its end, after which it can be waited for.
  while (arrival == AnswerPipe::Arrival::kText) arrival = answers.Await(end);
  if (arrival == AnswerPipe::Arrival::kLate) {
    stuck_ = pid;
    return Late(what);
  }
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  auto answer = ParseAnswer(answers.text());
  if (!answer) return base::FailErrno(fmt::format("the process that asks for {}", what), EIO);
  return std::move(*answer);
}

base::Failure Apart::Late(std::string_view what) const {
  return base::Fail(
      base::Code::kTimedOut,
      fmt::format("{}: the kernel did not answer within {:g} s: {}", what,
                  std::chrono::duration<double>(patience_).count(), DescribeWait(stuck_)),
      "a driver's probe or remove function holds the lock of all network interfaces (dmesg | "
      "tail); when it has ended, run the command again");
}

}  // namespace sysfs
