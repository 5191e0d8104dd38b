#include "vmm/virtio/worker.h"

#include <gtest/gtest.h>

#include "tests/support/echo_function.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using WorkerTest = test::EchoFunction;

TEST_F(WorkerTest, WhatComesMeanwhileBelongsToTheSameKick) {
  Start({});
  OnIo([] {});
  std::atomic<unsigned> more{3};
  echo_->submitted = [&] {
    if (more > 0) Add(10 + more--);
  };
  Add(1);
  Kick(0);
  // The driver is the I/O thread's until then.
  ASSERT_TRUE(Eventually([&] { return function_->counters().batches == 4; }));
  for (const uint64_t token : {1, 13, 12, 11}) EXPECT_TRUE(Reaps(token));
  EXPECT_EQ(function_->counters().kicks, 1u);
}

// The third question is that of the look after the first request: the guest has run meanwhile.
TEST_F(WorkerTest, AGuestThatWorksOnNeedsNoSecondKick) {
  Start({});
  OnIo([] {});  // its look at the start is over
  unsigned questions = 0;
  bool asked_to_kick = false;
  echo_->asked = [&] {
    if (++questions != 3) return;
    Add(2);
    asked_to_kick = driver_->Kick();
  };
  Add(1);
  ASSERT_TRUE(driver_->Kick());
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return function_->counters().batches == 2; }));
  for (const uint64_t token : {1, 2}) EXPECT_TRUE(Reaps(token));
  EXPECT_EQ(function_->counters().kicks, 1u);
  EXPECT_FALSE(asked_to_kick);
}

// The loop has a turn after as many requests as the queue has entries.
TEST_F(WorkerTest, AGuestThatAlwaysHasMoreLeavesOthersTheirTurn) {
  Start({});
  OnIo([] {});
  std::atomic<unsigned> more{100};
  echo_->submitted = [&] {
    if (more == 0) return;
    EXPECT_TRUE(driver_->Reap());
    Add(more--);
  };
  Add(1000);
  Kick(0);
  ASSERT_TRUE(Eventually([&] { return echo_->handled == 101; }));
  EXPECT_TRUE(Reaps(1));
  EXPECT_GE(function_->counters().kicks, 101u / 16);
}

}  // namespace
}  // namespace vmm::virtio
