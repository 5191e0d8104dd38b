#include "sysfs/base/log.h"

#include <poll.h>
#include <unistd.h>

#include <string>

namespace base {
namespace {

std::atomic<Level> log_level{Level::kInfo};

std::string_view Prefix(Level level) {
  switch (level) {
    case Level::kError:
      return "error: ";
    case Level::kWarning:
      return "warning: ";
    case Level::kInfo:
      return "";
    case Level::kDebug:
      return "debug: ";
  }
  return "";
}

}  // namespace

void SetLogLevel(Level level) { log_level.store(level, std::memory_order_relaxed); }

bool LogEnabled(Level level) { return level <= log_level.load(std::memory_order_relaxed); }

void LogLine(Level level, std::string_view text) {
  if (!LogEnabled(level)) return;
  std::string line(Prefix(level));
  line.append(text);
  line.push_back('\n');
  // One write, so that lines of several threads do not mix. A full or closed stderr is nobody's
  // failure, and nobody waits for who does not read it: the line is lost.
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&room, 1, 0) == 0) return;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace base
