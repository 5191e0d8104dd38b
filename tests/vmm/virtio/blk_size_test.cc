// A disk whose image grows and shrinks.
#include "tests/vmm/virtio/blk_errors.h"

namespace vmm::virtio {
namespace {

using test::Eventually;
using test::FailsWith;

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

// A discard whose first range is empty, after a write to a longer file, and nothing that would end
// its second try too early.
TEST_F(BlkErrors, AnEmptyRangeOfAShrunkenFile) {
  BlkOptions options;
  options.errors = {ErrorPolicy::kStop, ErrorPolicy::kStop};
  Open(options);
  ASSERT_EQ(Write(0, 512), 0);
  ASSERT_EQ(::ftruncate(file_.raw(), 8192), 0);
  Set([](const base::Fd& file, BlkOp& op) -> int64_t {
    EXPECT_TRUE(op.work == BlkWork::kFlush || op.size != 0);
    return Perform(file, op);
  });
  Fill(0, 32);
  driver_->Store<uint64_t>(kPayload + 16, 4);
  driver_->Store<uint32_t>(kPayload + 24, 1);
  EXPECT_EQ(Do(13, 0, 32), 0);
  EXPECT_TRUE(Faults().empty());
}

// What was written of it before is lost with the file's end.
TEST_F(BlkErrors, AWriteUnderWhichTheFileShrankIsTriedAsAWhole) {
  BlkOptions options;
  options.errors = {ErrorPolicy::kStop, ErrorPolicy::kStop};
  Open(options);
  Set([this, calls = 0](const base::Fd& file, BlkOp& op) mutable -> int64_t {
    if (++calls > 8) return Perform(file, op);
    EXPECT_EQ(calls == 8 ? ::ftruncate(file_.raw(), 0) : 0, 0);
    return ::pwrite(file.raw(), op.iovecs.front().iov_base, 512, static_cast<off_t>(op.offset));
  });
  Fill(7, 4096);
  Give(1, 0, 4096);
  ASSERT_TRUE(HasFault());
  ASSERT_EQ(::ftruncate(file_.raw(), kBytes), 0);
  OnIo([&] { disk_->Retry(); });
  EXPECT_EQ(Answer(), 0);
  EXPECT_EQ(OnDisk(0, 4096), std::string(4096, 7));
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

}  // namespace
}  // namespace vmm::virtio
