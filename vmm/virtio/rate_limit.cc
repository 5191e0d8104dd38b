#include "vmm/virtio/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sysfs/base/text.h"

namespace vmm::virtio {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// A timer for each single request would cost more than the request.
constexpr std::chrono::milliseconds kLeastDelay{1};
// Longer debts are not told apart.
constexpr uint64_t kMostSeconds = uint64_t{1} << 30;

}  // namespace

base::Result<uint64_t> ParseByteRate(std::string_view text) {
  const auto bytes = base::ParseSize(text);
  if (bytes && *bytes >= kLeastByteRate && *bytes <= kMostByteRate) return *bytes;
  return base::Fail(base::Code::kUsage, fmt::format("{}: not a number of bytes in a second", text),
                    "use 512 to 8G, such as 20M");
}

TokenBucket::Time TokenBucket::Delay(Time now) const {
  if (rate_ == 0) return Time::zero();
  return std::max(paid_ - now - Time(kBurst), Time::zero());
}

void TokenBucket::Take(uint64_t cost, Time now) {
  if (rate_ == 0) return;
  const uint64_t seconds = std::min(cost / rate_, kMostSeconds);
  const uint64_t rest = (cost % rate_) * kSecond / rate_;
  const Time limit = now + std::chrono::seconds(kMostSeconds);
  paid_ = std::min(std::max(paid_, now) + Time(seconds * kSecond + rest), limit);
}

RateLimiter::RateLimiter(RateLimits limits, Clock clock)
    : limits_(limits),
      clock_(std::move(clock)),
      operations_(limits.operations),
      bytes_(limits.bytes) {}

TokenBucket::Time RateLimiter::SteadyTime() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

base::Status RateLimiter::Start(EventLoop& loop, std::function<void()> again) {
  armed_ = false;
  if (!limits_.any()) return {};
  timer_ = TRY(Timer::Create(loop, [this, again = std::move(again)] {
    armed_ = false;
    again();
  }));
  return {};
}

bool RateLimiter::Admit() {
  if (!limits_.any() || !timer_) return true;
  const TokenBucket::Time now = clock_();
  const auto delay = std::max(operations_.Delay(now), bytes_.Delay(now));
  if (delay == TokenBucket::Time::zero()) return true;
  if (armed_) return false;
  if (const base::Status armed = timer_->Arm(std::max<TokenBucket::Time>(delay, kLeastDelay));
      !armed) {
    log_.Log(base::Level::kError, "rate limit: {}", armed.error().message());
    return true;  // a limit that does not hold is better than a guest that does not go on
  }
  armed_ = true;
  return false;
}

void RateLimiter::Charge(uint64_t bytes) {
  if (!limits_.any()) return;
  const TokenBucket::Time now = clock_();
  operations_.Take(1, now);
  bytes_.Take(bytes, now);
}

}  // namespace vmm::virtio
