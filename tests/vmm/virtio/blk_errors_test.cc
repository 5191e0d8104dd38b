// A disk whose storage fails, fills up, grows and shrinks, by an engine that does what a test says.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "tests/support/matchers.h"
#include "tests/support/scripted_engine.h"
#include "tests/support/temp_folder.h"
#include "tests/support/virtio_function.h"
#include "vmm/virtio/blk/blk.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using test::FailsWith;
using test::IsOk;
using test::Script;
using test::ScriptedEngine;
using test::VirtioDriver;

class BlkErrors : public test::VirtioFunction {
 protected:
  static constexpr uint64_t kHeader = kData;
  static constexpr uint64_t kStatus = kData + 64;
  static constexpr uint64_t kPayload = kData + 0x1000;
  static constexpr uint64_t kBytes = 64 * 1024;

  BlkErrors() {
    path_ = folder_.path() + "/disk";
    file_ = base::Fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(file_.raw(), kBytes), 0);
    features_ = blk_feature::kFlush;
  }
  void Open(BlkOptions options = {}) {
    options.image.file = path_;
    options.errors = WithDefaults(options.errors, true);
    auto made = Blk::Create(std::move(options));
    ASSERT_THAT(made, IsOk());
    disk_ = made->get();
    disk_->OnFault([this](const BlkFault& fault) {
      const std::lock_guard lock(mutex_);
      faults_.push_back(fault);
    });
    disk_->SetEngine([this](const base::Fd& image, EventLoop& loop, BlkCallbacks callbacks) {
      return base::Result<std::unique_ptr<BlkEngine>>(std::make_unique<ScriptedEngine>(
          image, loop, std::move(callbacks), [this](const base::Fd& file, BlkOp& op) {
            syncs_.push_back(op.sync);
            return script_ ? script_(file, op) : Perform(file, op);
          }));
    });
    Make(std::move(*made));
    Start({false, true, true});
  }
  // On the I/O thread, between two operations.
  void Set(Script script) {
    OnIo([&] { script_ = std::move(script); });
  }
  // This many operations fail, then all go well.
  void FailNext(unsigned count, int error) {
    Set([count, error](const base::Fd& file, BlkOp& op) mutable -> int64_t {
      return count > 0 && count-- > 0 ? -error : Perform(file, op);
    });
  }
  void Give(uint32_t type, uint64_t sector, uint32_t bytes) {
    driver_->Store<uint32_t>(kHeader, type);
    driver_->Store<uint64_t>(kHeader + 8, sector);
    driver_->Store<uint8_t>(kStatus, 0xee);
    std::vector<VirtioDriver::Piece> pieces = {{kHeader, 16, false}};
    if (bytes != 0) pieces.push_back({kPayload, bytes, type == 0});
    pieces.push_back({kStatus, 1, true});
    ASSERT_TRUE(driver_->Add(pieces, 1, true));
    Kick(0);
  }
  int Answer() {
    EXPECT_TRUE(Eventually([&] { return driver_->Reap().has_value(); }));
    return driver_->Load<uint8_t>(kStatus);
  }
  int Do(uint32_t type, uint64_t sector, uint32_t bytes) {
    Give(type, sector, bytes);
    return Answer();
  }
  int Write(uint64_t sector, uint32_t bytes) { return Do(1, sector, bytes); }
  using VirtioFunction::Write;
  int Flush() { return Do(4, 0, 0); }
  std::vector<BlkFault> Faults() {
    const std::lock_guard lock(mutex_);
    return faults_;
  }
  bool HasFault() {
    return Eventually([&] { return !Faults().empty(); });
  }
  void Fill(uint8_t value, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) driver_->Store<uint8_t>(kPayload + i, value);
  }
  std::string OnDisk(uint64_t offset, size_t size) {
    std::string bytes(size, '?');
    EXPECT_EQ(::pread(file_.raw(), bytes.data(), size, static_cast<off_t>(offset)),
              static_cast<ssize_t>(size));
    return bytes;
  }
  uint64_t FileBytes() {
    struct stat facts {};
    EXPECT_EQ(::fstat(file_.raw(), &facts), 0);
    return static_cast<uint64_t>(facts.st_size);
  }
  base::Result<uint64_t> Resize(std::optional<uint64_t> bytes) {
    base::Result<uint64_t> result = uint64_t{0};
    OnIo([&] { result = disk_->Resize(bytes); });
    return result;
  }
  uint64_t Capacity() { return Read(kConfigPlace, Width::k4); }

  test::TempFolder folder_;
  std::string path_;
  base::Fd file_;
  Blk* disk_ = nullptr;
  Script script_;            // the I/O thread's
  std::vector<bool> syncs_;  // the I/O thread's
  std::mutex mutex_;
  std::vector<BlkFault> faults_;
};

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

TEST_F(BlkErrors, AWriteDoesNotMakeAShrunkenFileLonger) {
  Open();
  ASSERT_EQ(::ftruncate(file_.raw(), 8192), 0);
  EXPECT_EQ(Write(100, 512), 1);
  EXPECT_EQ(Write(15, 1024), 1) << "over the end";
  EXPECT_EQ(Write(15, 512), 0);
  EXPECT_EQ(Do(0, 20, 512), 1);
  EXPECT_EQ(FileBytes(), 8192u);
}

// Between the look at its size and the write: what would read as zeroes is an error.
TEST_F(BlkErrors, AFileThatShrinksUnderAWrite) {
  Open();
  Set([this](const base::Fd& file, BlkOp& op) -> int64_t {
    EXPECT_EQ(::ftruncate(file_.raw(), 4096), 0);
    return Perform(file, op);
  });
  EXPECT_EQ(Write(64, 512), 1);
  Set(nullptr);
  EXPECT_EQ(Write(0, 512), 0);
}

TEST_F(BlkErrors, AGrownImageIsTold) {
  Open();
  EXPECT_EQ(Capacity(), 128u);
  EXPECT_EQ(Write(128, 512), 1);
  const uint64_t generation = Read(21, Width::k1);
  EXPECT_THAT(Resize(2 * kBytes), test::IsOkAnd(2 * kBytes));
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40))) << "of the configuration";
  EXPECT_EQ(Capacity(), 256u);
  EXPECT_NE(Read(21, Width::k1), generation);
  EXPECT_EQ(FileBytes(), 2 * kBytes);
  EXPECT_EQ(Write(255, 512), 0);
  EXPECT_EQ(disk_->view().bytes, 2 * kBytes);
  // Grown by another hand.
  ASSERT_EQ(::ftruncate(file_.raw(), 3 * kBytes), 0);
  EXPECT_THAT(Resize({}), test::IsOkAnd(3 * kBytes));
  EXPECT_EQ(Capacity(), 384u);
  SetStatus(0);
  ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
  EXPECT_EQ(Capacity(), 384u) << "a reset does not change a disk";
}

TEST_F(BlkErrors, AShrunkenImageIsTold) {
  Open();
  EXPECT_THAT(Resize(4096), test::IsOkAnd(4096u));
  EXPECT_EQ(Capacity(), 8u);
  EXPECT_EQ(FileBytes(), 4096u);
  EXPECT_EQ(Write(8, 512), 1);
  EXPECT_EQ(Do(0, 7, 1024), 1);
  EXPECT_EQ(Write(7, 512), 0);
  EXPECT_TRUE(Faults().empty()) << "the guest's own errors";
  EXPECT_THAT(Resize(0), FailsWith(base::Code::kUsage));
  EXPECT_THAT(Resize(1000), FailsWith(base::Code::kUsage));
  EXPECT_THAT(Resize(UINT64_MAX - 511), FailsWith(base::Code::kUsage));
  ASSERT_EQ(::ftruncate(file_.raw(), 100), 0);
  EXPECT_THAT(Resize({}), FailsWith(base::Code::kUnfit));
  EXPECT_EQ(Capacity(), 8u);
}

TEST_F(BlkErrors, AReadOnlyDiskIsNotResized) {
  BlkOptions options;
  options.image.readonly = true;
  Open(options);
  EXPECT_THAT(Resize(4096), FailsWith(base::Code::kUsage));
  EXPECT_THAT(Resize({}), test::IsOkAnd(kBytes));
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
