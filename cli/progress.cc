#include "cli/progress.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kShort{500};
constexpr std::string_view kEraseLine = "\r\033[K";

}  // namespace

std::string ProgressBar(uint64_t done, uint64_t total, std::string_view text) {
  constexpr unsigned kWidth = 32;
  const double part = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
  const auto filled = static_cast<unsigned>(part * kWidth);
  return fmt::format("[{}{}] {}", std::string(filled, '#'), std::string(kWidth - filled, '.'),
                     text);
}

std::function<void(uint64_t, uint64_t)> ByteProgress(Context& context, std::string_view what) {
  if (!context.progress) return {};
  return [&context, what = std::string(what), start = Clock::now(), shown = false](
             uint64_t done, uint64_t total) mutable {
    if (done < total && Clock::now() - start >= kShort) {
      shown = true;
      context.err << '\r'
                  << ProgressBar(done, total,
                                 fmt::format("{} of {} {}", base::FormatSize(done),
                                             base::FormatSize(total), what))
                  << std::flush;
    } else if (done >= total && shown) {
      context.err << kEraseLine << std::flush;
    }
  };
}

void WaitLine::operator()(const std::string& text) {
  std::ostream& err = context_->err;
  if (text.empty()) {
    if (is_shown_ && context_->progress) err << kEraseLine << std::flush;
  } else if (context_->progress) {
    err << '\r' << text << "\033[K" << std::flush;
  } else if (!is_shown_) {
    err << text << std::endl;
  }
  is_shown_ = !text.empty();
}

}  // namespace cli
