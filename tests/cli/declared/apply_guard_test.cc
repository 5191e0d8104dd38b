// An apply that waits to be confirmed, and the guard that undoes it.
#include <gmock/gmock.h>

#include "cli/declared/guard.h"
#include "cli/declared/undo.h"
#include "tests/cli/declared/apply_fixture.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(ApplyTest, AnApplyThatWaitsIsKeptByConfirm) {
  const auto outcome = Run(kBoth, Confirmed(60));
  ASSERT_THAT(outcome, IsOk());
  EXPECT_TRUE(guarded_);
  EXPECT_GT(outcome->deadline, MillisecondsSinceBoot());
  EXPECT_TRUE(Pins(pins_->path()).Read()->empty()) << "pinned only when kept";
  EXPECT_THAT(Run(kBoth), FailsWith(Code::kLocked, HasSubstr("waits to be confirmed")));
  ASSERT_THAT(WithHost(ConfirmWaiting), IsOk());
  EXPECT_EQ(Pins(pins_->path()).Read()->size(), 2u);
  EXPECT_EQ(LastOutcome(world_->journal()), "kept");
  EXPECT_THAT(WithHost(ConfirmWaiting), FailsWith(Code::kNotFound, HasSubstr("no apply waits")));
  EXPECT_THAT(Run(kBoth), IsOk());
}

TEST_F(ApplyTest, TheGuardUndoesWhatNobodyConfirms) {
  const std::string before = world_->Digest();
  ASSERT_THAT(Run(kBoth, Confirmed(1)), IsOk());
  ASSERT_THAT(WithHost(Guard), IsOk());
  EXPECT_EQ(world_->Digest(), before);
  EXPECT_EQ(LastOutcome(world_->journal()), "undone: nobody confirmed");
}

// Each wait of the guard, and what was done since the one before.
struct Waits {
  std::vector<std::string> all;
  GuardEvents Events(std::function<void(size_t number)> meanwhile) {
    GuardEvents events;
    events.now = [this] { return now; };
    events.forget = [this] { all.emplace_back("forget"); };
    events.wait = [this, meanwhile](int milliseconds) -> base::Result<bool> {
      all.push_back(std::to_string(milliseconds));
      now += static_cast<uint64_t>(std::max(milliseconds, 0));
      meanwhile(++count);
      return true;
    };
    return events;
  }
  uint64_t now = 0;
  size_t count = 0;
};

TEST_F(ApplyTest, TheGuardTriesAgainAfterAnUndoThatFailed) {
  const std::string before = world_->Digest();
  const auto outcome = Run(kBoth, Confirmed(60));
  ASSERT_THAT(outcome, IsOk());
  world_->tree().AddFile("/proc/77/comm", "vmm\n");
  world_->tree().AddLink("/proc/77/fd/9", "/dev/vfio/8");
  Waits waits;
  waits.now = outcome->deadline - 1000;
  std::vector<std::string> reasons;
  const GuardEvents events = waits.Events([&](size_t number) {
    reasons.push_back(LastFailure(world_->journal(), 1));
    if (number == 3) world_->tree().Remove("/proc/77");
  });
  ASSERT_THAT(WithHost([&](DeclaredHost& host) { return RunGuard(host, events); }), IsOk());
  EXPECT_THAT(waits.all, testing::ElementsAre("1000", "forget", "5000", "forget", "5000"));
  EXPECT_THAT(reasons, testing::ElementsAre("", HasSubstr("vmm"), HasSubstr("vmm")));
  EXPECT_EQ(world_->Digest(), before);
  EXPECT_EQ(LastOutcome(world_->journal()), "undone: nobody confirmed");
  EXPECT_EQ(LastFailure(world_->journal(), 1), "");
}

TEST_F(ApplyTest, WhatCouldNotBeUndoneWholeIsNeverKept) {
  ASSERT_THAT(Run(kBoth, Confirmed(60)), IsOk());
  // A guest has the drive: the undo cannot take it.
  world_->tree().AddFile("/proc/77/comm", "vmm\n");
  world_->tree().AddLink("/proc/77/fd/9", "/dev/vfio/8");
  const auto undo = [](DeclaredHost& host) -> base::Status {
    const auto lock = sysfs::TakeHostLock(host.assignment().journal.folder(), {});
    return Undo(host, **FindTransaction(host.assignment().journal), *lock, "undone");
  };
  EXPECT_THAT(WithHost(undo), FailsWith(Code::kPartial));
  EXPECT_THAT(WithHost(ConfirmWaiting), FailsWith(Code::kPartial, HasSubstr("being undone")));
  world_->tree().Remove("/proc/77");
  EXPECT_THAT(WithHost(undo), IsOk());
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "nvme");
}

}  // namespace
}  // namespace cli
