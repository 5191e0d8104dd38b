#include "sysfs/kernel_log_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sysfs/base/text.h"

namespace sysfs {
namespace {

// The kernel's own limit for one record with all that belongs to it (kernel/printk/internal.h,
// PRINTK_MESSAGE_MAX and CONSOLE_EXT_LOG_MAX).
constexpr size_t kMaxRecord = 8192;
// Levels are three bits, the rest is who wrote (syslog(3)); the kernel is 0, which nobody else can
// be.
constexpr unsigned kLevels = 8;

}  // namespace

std::optional<KernelLogTail> KernelLogTail::Open(base::Kernel& kernel) {
  auto log = kernel.Open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
  if (!log || ::lseek(log->raw(), 0, SEEK_END) < 0) return std::nullopt;
  return KernelLogTail(std::move(*log));
}

std::vector<std::string> KernelLogTail::Take() {
  std::vector<std::string> lines;
  std::array<char, kMaxRecord> record;
  for (size_t i = 0; i < kBatch; ++i) {
    const ssize_t count = ::read(log_.raw(), record.data(), record.size());
    // EPIPE: records were overwritten before they were read; the next read goes on behind them.
    if (count < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (count <= 0) break;
    const auto line = KernelLine({record.data(), static_cast<size_t>(count)});
    if (line) lines.emplace_back(*line);
  }
  return lines;
}

std::optional<std::string_view> KernelLine(std::string_view record) {
  const size_t text = record.find(';');
  if (text == std::string_view::npos) return std::nullopt;
  const auto facts = base::Split(record.substr(0, text), ',');
  const auto level = base::ParseDecimal(facts.front(), UINT32_MAX);
  if (!level || *level >= kLevels) return std::nullopt;
  record.remove_prefix(text + 1);
  return record.substr(0, record.find('\n'));
}

}  // namespace sysfs
