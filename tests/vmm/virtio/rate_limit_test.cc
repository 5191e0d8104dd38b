#include "vmm/virtio/rate_limit.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"

namespace vmm::virtio {
namespace {

using namespace std::chrono_literals;
using test::FailsWith;
using test::IsOk;
using Time = TokenBucket::Time;

TEST(TokenBucket, WithoutARateThereIsNoDelay) {
  TokenBucket bucket(0);
  bucket.Take(UINT64_MAX, Time(5));
  EXPECT_EQ(bucket.Delay(Time(5)), Time(0));
}

// A guest that asks as soon as it may gets the rate, and after a rest what the burst holds.
TEST(TokenBucket, KeepsItsRateOverAnyTime) {
  for (const uint64_t rate : {uint64_t{1}, uint64_t{7}, uint64_t{100}, uint64_t{333'333}}) {
    TokenBucket bucket(rate);
    Time now = 1h;
    const Time end = now + 10s;
    uint64_t count = 0;
    while (now < end) {
      const Time delay = bucket.Delay(now);
      if (delay > Time(0)) {
        now += delay;
        EXPECT_EQ(bucket.Delay(now), Time(0)) << "what was said is enough";
        continue;
      }
      bucket.Take(1, now);
      ++count;
    }
    EXPECT_GE(count, rate * 10) << rate;
    EXPECT_LE(count, rate * 10 + rate / 10 + 2 + rate / 1000) << rate;
  }
}

TEST(TokenBucket, RestDoesNotAddUp) {
  TokenBucket bucket(100);
  unsigned count = 0;
  for (; bucket.Delay(24h) == Time(0); ++count) bucket.Take(1, 24h);
  EXPECT_EQ(count, 11u) << "a tenth of a second's, and the one that overdraws";
}

TEST(TokenBucket, WhatIsLargerThanTheBucketRunsAndIsPaidFor) {
  TokenBucket bucket(1000);
  ASSERT_EQ(bucket.Delay(0s), Time(0));
  bucket.Take(5000, 0s);
  EXPECT_EQ(bucket.Delay(0s), Time(4900ms));
  EXPECT_EQ(bucket.Delay(4s), Time(900ms));
  EXPECT_EQ(bucket.Delay(4900ms), Time(0));
}

TEST(TokenBucket, NoDebtIsTooLargeToCountWith) {
  TokenBucket bucket(1);
  for (unsigned i = 0; i < 10; ++i) bucket.Take(UINT64_MAX, 1h);
  EXPECT_GT(bucket.Delay(1h), Time(24h));
  TokenBucket fast(kMostByteRate);
  fast.Take(UINT64_MAX, 1h);
  EXPECT_GT(fast.Delay(1h), Time(0));
}

TEST(ByteRate, IsASizeWithBounds) {
  EXPECT_THAT(ParseByteRate("512"), test::IsOkAnd(512u));
  EXPECT_THAT(ParseByteRate("20M"), test::IsOkAnd(20u << 20));
  EXPECT_THAT(ParseByteRate("8G"), test::IsOkAnd(kMostByteRate));
  for (const auto* const wrong : {"", "0", "511", "9G", "x", "1M/s", "-1"}) {
    EXPECT_THAT(ParseByteRate(wrong), FailsWith(base::Code::kUsage)) << wrong;
  }
}

// By a clock of the test: what is refused is asked for again by the timer, once.
TEST(RateLimiter, TellsWhenItGoesOn) {
  auto loop = std::move(*EventLoop::Create());
  Time now = 1h;
  unsigned told = 0;
  RateLimiter limiter({10, 1000}, [&] { return now; });
  ASSERT_THAT(limiter.Start(*loop,
                            [&] {
                              ++told;
                              loop->Stop();
                            }),
              IsOk());
  EXPECT_TRUE(limiter.Admit());
  limiter.Charge(10);
  EXPECT_TRUE(limiter.Admit()) << "one of a tenth of a second";
  limiter.Charge(109);  // with the 10, 19 ms of bytes more than the burst
  EXPECT_FALSE(limiter.Admit());
  EXPECT_FALSE(limiter.Admit());
  now += 110ms;
  ASSERT_THAT(loop->Run(), IsOk());
  EXPECT_EQ(told, 1u);
  EXPECT_TRUE(limiter.Admit());
  limiter.Charge(100'000);
  EXPECT_FALSE(limiter.Admit());
  limiter.Stop();
  EXPECT_TRUE(limiter.Admit()) << "nothing that would tell";
}

}  // namespace
}  // namespace vmm::virtio
