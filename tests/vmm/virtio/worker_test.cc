#include "vmm/virtio/worker.h"

#include <gtest/gtest.h>

#include "tests/support/echo_function.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using WorkerTest = test::EchoFunction;

TEST_F(WorkerTest, WhatComesMeanwhileBelongsToTheSameKick) {
  Start({});
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

// The loop has a turn after as many requests as the queue has entries.
TEST_F(WorkerTest, AGuestThatAlwaysHasMoreLeavesOthersTheirTurn) {
  Start({});
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
