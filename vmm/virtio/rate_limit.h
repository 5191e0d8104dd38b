// Limits of requests and bytes in a time, by token buckets that may be overdrawn.
//
// What a request costs is known when it has been taken, so each may overdraw its bucket: one larger
// than the bucket runs too, and what comes next waits until the debt is paid. Over a time T at most
// rate * (T + kBurst) and one request go. What waits stays in its queue; nobody holds it.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "sysfs/base/log.h"
#include "sysfs/base/result.h"
#include "vmm/event_loop.h"

namespace vmm::virtio {

// After a rest so much goes at once.
inline constexpr std::chrono::milliseconds kBurst{100};

struct RateLimits {
  uint64_t operations = 0;  // per second; 0: as many as come
  uint64_t bytes = 0;
  bool any() const { return operations != 0 || bytes != 0; }
  bool operator==(const RateLimits&) const = default;
};
inline constexpr uint64_t kMostOperations = 10'000'000;
inline constexpr uint64_t kLeastByteRate = 512;
inline constexpr uint64_t kMostByteRate = uint64_t{1} << 33;
// Such as 512K or 20M, in a second. kUsage.
base::Result<uint64_t> ParseByteRate(std::string_view text);

// Pure: the time comes from outside, never backwards.
class TokenBucket {
 public:
  using Time = std::chrono::nanoseconds;  // since any moment

  // At most kMostByteRate in a second; 0 is no limit.
  explicit TokenBucket(uint64_t rate) : rate_(rate) {}

  // How long until the next one may go: zero is now.
  Time Delay(Time now) const;
  void Take(uint64_t cost, Time now);

 private:
  uint64_t rate_;
  Time paid_{INT64_MIN / 2};  // when the debt is paid
};

// Both buckets, and the timer that tells when it goes on.
class RateLimiter {
 public:
  using Clock = std::function<TokenBucket::Time()>;
  explicit RateLimiter(RateLimits limits, Clock clock = SteadyTime);

  // From a device's start to its stop; `again` is called when what was refused may be asked for.
  base::Status Start(EventLoop& loop, std::function<void()> again);
  void Stop() { timer_.reset(); }

  // False: `again` will be called.
  bool Admit();
  void Charge(uint64_t bytes);
  const RateLimits& limits() const { return limits_; }

  static TokenBucket::Time SteadyTime();

 private:
  RateLimits limits_;
  Clock clock_;
  TokenBucket operations_;
  TokenBucket bytes_;
  std::unique_ptr<Timer> timer_;
  bool armed_ = false;
  base::Limited log_;
};

}  // namespace vmm::virtio
