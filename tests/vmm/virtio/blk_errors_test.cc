// A disk whose storage fails and fills up.
#include "tests/vmm/virtio/blk_errors.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using test::IsOk;

TEST(ErrorPolicy, IsAsQemuHasIt) {
  const ErrorPolicies defaults = WithDefaults({}, true);
  EXPECT_TRUE(Stops(defaults, BlkWork::kWrite, ENOSPC));
  EXPECT_TRUE(Stops(defaults, BlkWork::kZero, ENOSPC));
  EXPECT_FALSE(Stops(defaults, BlkWork::kWrite, EIO));
  EXPECT_FALSE(Stops(defaults, BlkWork::kRead, EIO));
  EXPECT_FALSE(Stops(defaults, BlkWork::kFlush, ENOSPC));
  EXPECT_FALSE(Stops(WithDefaults({}, false), BlkWork::kWrite, ENOSPC)) << "nobody could go on";
  const ErrorPolicies stop = {ErrorPolicy::kStop, ErrorPolicy::kStop};
  EXPECT_TRUE(Stops(stop, BlkWork::kRead, EIO));
  EXPECT_TRUE(Stops(stop, BlkWork::kWrite, EIO));
  EXPECT_FALSE(Stops(stop, BlkWork::kFlush, EIO)) << "its second try would succeed";
}

TEST_F(BlkErrors, AFullStorageWaitsForTheMachine) {
  Open();
  FailNext(1, ENOSPC);
  Fill(0x5a, 1024);
  Give(1, 4, 1024);
  ASSERT_TRUE(HasFault());
  const BlkFault fault = Faults().front();
  EXPECT_FALSE(fault.read);
  EXPECT_TRUE(fault.stop);
  EXPECT_TRUE(fault.nospace);
  EXPECT_EQ(disk_->view().status, IoStatus::kNoSpace);
  EXPECT_FALSE(driver_->Reap());
  OnIo([&] { disk_->Retry(); });
  EXPECT_EQ(Answer(), 0);
  EXPECT_EQ(OnDisk(2048, 1024), std::string(1024, 0x5a));
  EXPECT_EQ(disk_->view().status, IoStatus::kOk);
}

TEST_F(BlkErrors, OtherErrorsAreReported) {
  Open();
  FailNext(3, EIO);
  EXPECT_EQ(Write(0, 512), 1);
  EXPECT_EQ(Do(0, 0, 512), 1);
  EXPECT_EQ(Do(0, 1, 512), 1);
  EXPECT_EQ(Do(0, 0, 512), 0);
  ASSERT_EQ(Faults().size(), 3u);
  EXPECT_FALSE(Faults()[0].stop);
  EXPECT_TRUE(Faults()[1].read);
  EXPECT_EQ(disk_->view().status, IoStatus::kOk);
}

TEST_F(BlkErrors, StopsForAnythingWhenItIsToldSo) {
  BlkOptions options;
  options.errors = {ErrorPolicy::kStop, ErrorPolicy::kStop};
  Open(options);
  FailNext(2, EIO);
  Give(0, 0, 512);
  ASSERT_TRUE(Eventually([&] { return Faults().size() == 1; }));
  EXPECT_EQ(disk_->view().status, IoStatus::kFailed);
  OnIo([&] { disk_->Retry(); });  // fails again
  ASSERT_TRUE(Eventually([&] { return Faults().size() == 2; }));
  EXPECT_FALSE(driver_->Reap());
  OnIo([&] { disk_->Retry(); });
  EXPECT_EQ(Answer(), 0);
}

// Each call does one sector; in the middle there is no space for a while.
TEST_F(BlkErrors, ShortTransfersGoOnWhereTheyStopped) {
  Open();
  Set([calls = 0](const base::Fd& file, BlkOp& op) mutable -> int64_t {
    if (op.work == BlkWork::kFlush) return Perform(file, op);
    if (++calls == 3) return -ENOSPC;
    const auto* const from = op.iovecs.front().iov_base;
    if (op.work == BlkWork::kWrite)
      return ::pwrite(file.raw(), from, 512, static_cast<off_t>(op.offset));
    return ::pread(file.raw(), op.iovecs.front().iov_base, 512, static_cast<off_t>(op.offset));
  });
  for (uint32_t i = 0; i < 4096; ++i) {
    driver_->Store<uint8_t>(kPayload + i, static_cast<uint8_t>(i / 512 + 1));
  }
  Give(1, 0, 4096);
  ASSERT_TRUE(HasFault());
  OnIo([&] { disk_->Retry(); });
  EXPECT_EQ(Answer(), 0);
  for (uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(OnDisk(512 * i, 512), std::string(512, static_cast<char>(i + 1)));
  }
  Fill(0, 4096);
  EXPECT_EQ(Do(0, 0, 4096), 0);
  EXPECT_EQ(driver_->Load<uint8_t>(kPayload + 4095), 8);
}

TEST_F(BlkErrors, AResetEndsWhatWaits) {
  Open();
  for (unsigned round = 0; round < 5; ++round) {
    FailNext(1, ENOSPC);
    const size_t before = Faults().size();
    Give(1, 0, 512);
    ASSERT_TRUE(Eventually([&] { return Faults().size() > before; }));
    SetStatus(0);
    ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
    Start({false, true, true});
    EXPECT_EQ(disk_->view().status, IoStatus::kOk);
    OnIo([&] { disk_->Retry(); });
    EXPECT_EQ(Write(0, 512), 0);
  }
}

// Without bus mastering no memory of the guest is touched, also by no second try.
TEST_F(BlkErrors, WithoutBusMasteringWhatWaitsHasFailed) {
  Open();
  FailNext(1, ENOSPC);
  Give(1, 0, 512);
  ASSERT_TRUE(HasFault());
  SetCommand(vmm::pci::kCommandMemory);
  OnIo([&] { disk_->Retry(); });
  EXPECT_FALSE(driver_->Reap());
  SetCommand(vmm::pci::kCommandMemory | vmm::pci::kCommandMaster);
  EXPECT_EQ(Answer(), 1);
}

// The kernel has told once of what it lost.
TEST_F(BlkErrors, AFlushThatFailedFailsForGood) {
  BlkOptions options;
  options.errors.write = ErrorPolicy::kStop;
  Open(options);
  EXPECT_EQ(Write(0, 512), 0);
  EXPECT_EQ(Flush(), 0);
  FailNext(1, EIO);
  EXPECT_EQ(Flush(), 1);
  EXPECT_EQ(Flush(), 1);
  EXPECT_EQ(Write(0, 512), 0);
  EXPECT_EQ(Flush(), 1);
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
  Start({false, true, true});
  EXPECT_EQ(Flush(), 1) << "also for the next driver";
  ASSERT_EQ(Faults().size(), 1u);
  EXPECT_FALSE(Faults().front().stop);
}

TEST_F(BlkErrors, TheDriverChoosesWriteThrough) {
  features_ |= blk_feature::kConfigWce;
  Open();
  const auto sync = [&] {
    bool last = false;
    OnIo([&] { last = syncs_.back(); });
    return last;
  };
  const uint64_t at = kConfigPlace + kWritebackAt;
  EXPECT_EQ(Read(at, Width::k1), 1u);
  EXPECT_EQ(Write(0, 512), 0);
  EXPECT_FALSE(sync());
  Write(at, Width::k1, 0xfe);
  EXPECT_EQ(Read(at, Width::k1), 0u) << "at once";
  EXPECT_FALSE(disk_->view().writeback);
  size_t calls = 0;
  EXPECT_EQ(Flush(), 0);
  OnIo([&] { calls = syncs_.size(); });
  EXPECT_EQ(calls, 2u) << "what was written before is flushed";
  EXPECT_EQ(Flush(), 0);
  OnIo([&] { calls = syncs_.size(); });
  EXPECT_EQ(calls, 2u) << "now there is nothing";
  EXPECT_EQ(Write(1, 512), 0);
  EXPECT_TRUE(sync());
  Write(at - 2, Width::k4, 0xffffffff);
  EXPECT_EQ(Read(at, Width::k1), 0u) << "not a write of this byte";
  EXPECT_THAT(Resize(2 * kBytes), IsOk());
  EXPECT_EQ(Read(at, Width::k1), 0u);
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
  EXPECT_EQ(Read(at, Width::k1), 1u) << "reset";
  Start({false, true, true});
  EXPECT_EQ(Write(0, 512), 0);
  EXPECT_FALSE(sync());
}

TEST_F(BlkErrors, AByteWithoutItsFeatureChoosesNothing) {
  Open();
  Write(kConfigPlace + kWritebackAt, Width::k1, 0);
  EXPECT_EQ(Write(0, 512), 0);
  OnIo([&] { EXPECT_FALSE(syncs_.back()); });
}

// What the storage did not take on the way to the disk may have been something else.
TEST_F(BlkErrors, AWriteThroughThatFailsAmongUnflushedWritesFailsTheFlush) {
  features_ |= blk_feature::kConfigWce;
  Open();
  EXPECT_EQ(Write(0, 512), 0);
  Write(kConfigPlace + kWritebackAt, Width::k1, 0);
  FailNext(1, EIO);
  EXPECT_EQ(Write(1, 512), 1);
  EXPECT_EQ(Flush(), 1);
}

TEST_F(BlkErrors, ABrokenQueueIsTold) {
  std::atomic<int> queue{-1};
  broken_ = [&](uint16_t which, std::string_view reason) {
    EXPECT_FALSE(reason.empty());
    queue = which;
  };
  Open();
  driver_->Store<uint16_t>(driver_->setup().driver + 2, 1000);
  Kick(0);
  EXPECT_TRUE(Eventually([&] { return queue == 0; }));
}

}  // namespace
}  // namespace vmm::virtio
