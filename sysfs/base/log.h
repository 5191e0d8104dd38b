// What the programs say beside their results: one line each, on standard error.
//
// Thread safe. Messages that a guest can cause go through Limited, so that a guest cannot flood the
// log.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

namespace base {

enum class Level : uint8_t { kError, kWarning, kInfo, kDebug };

// Messages above this level are dropped; kInfo at start.
void SetLogLevel(Level level);
bool LogEnabled(Level level);
void LogLine(Level level, std::string_view text);

template <class... Args>
void Log(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) LogLine(level, fmt::format(format, std::forward<Args>(args)...));
}

// Lets through the first `budget` messages and then each power of two, with the count.
class Limited {
 public:
  explicit Limited(uint32_t budget = 8) : budget_(budget) {}

  template <class... Args>
  void Log(Level level, fmt::format_string<Args...> format, Args&&... args) {
    const uint32_t count = count_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (count <= budget_) {
      base::Log(level, format, std::forward<Args>(args)...);
    } else if ((count & (count - 1)) == 0 && LogEnabled(level)) {
      LogLine(level,
              fmt::format(format, std::forward<Args>(args)...) + fmt::format(" ({} times)", count));
    }
  }

 private:
  uint32_t budget_;
  std::atomic<uint32_t> count_{0};
};

}  // namespace base
