// How far long work is, on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cli/context.h"

namespace cli {

// "[########........................] 2 of 8 virtual functions"
std::string ProgressBar(uint64_t done, uint64_t total, std::string_view text);

// Shows a bar of bytes once the work has lasted for half a second, and takes it away at its end.
// Nothing without Context::progress. The context outlives it.
std::function<void(uint64_t done, uint64_t total)> ByteProgress(Context& context,
                                                                std::string_view what);

// What a long wait is for, told again and again: on a terminal a line that is drawn over itself and
// goes with an empty text, the wait's end; elsewhere the first text of each wait.
class WaitLine {
 public:
  explicit WaitLine(Context& context) : context_(&context) {}
  void operator()(const std::string& text);

 private:
  Context* context_;
  bool is_shown_ = false;
};

}  // namespace cli
