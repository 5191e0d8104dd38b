#include "vmm/guest/exec_channel.h"

#include <string_view>

#include "sysfs/base/text.h"

namespace vmm::guest {
namespace {

constexpr size_t kLineLimit = 16;
constexpr std::string_view kReady = "ready";
constexpr std::string_view kExit = "exit ";
constexpr uint64_t kMaxStatus = 255;

}  // namespace

void ExecChannel::Feed(std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    if (c == '\n') {
      TakeLine();
    } else if (line_.size() < kLineLimit) {
      line_.push_back(c);
    } else {
      overlong_ = true;
    }
  }
}

void ExecChannel::TakeLine() {
  const std::string line = std::exchange(line_, {});
  if (std::exchange(overlong_, false)) return;
  if (line == kReady) ready_ = true;
  if (line.starts_with(kExit) && !status_) {
    const auto status = base::ParseDecimal(std::string_view(line).substr(kExit.size()), kMaxStatus);
    if (status) status_ = static_cast<int>(*status);
  }
}

base::Result<int> ExecChannel::Finish() const {
  if (status_) return *status_;
  return base::Fail(base::Code::kInternal,
                    ready_ ? "the guest ended without the command's status"
                           : "the guest ended before it started the command",
                    "its console says why");
}

}  // namespace vmm::guest
