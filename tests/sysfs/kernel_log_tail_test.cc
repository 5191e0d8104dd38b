#include "sysfs/kernel_log_tail.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "tests/support/fake_kernel.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(KernelLine, WhatIsNoRecordOfTheKernel) {
  for (const char* const record :
       {"", ";", "x;text", "-6,1,1,-;text", "6,1,1,-", "8,1,1,-;of a program", "99999999999,1;x"}) {
    EXPECT_EQ(KernelLine(record), std::nullopt) << record;
  }
}

TEST(KernelLine, TheTextAlone) {
  EXPECT_EQ(KernelLine("6,339,5140900,-;a; b\n SUBSYSTEM=pci\n DEVICE=+pci:0000:06:00.0\n"),
            "a; b");
  EXPECT_EQ(KernelLine("3,339,5140900,-,caller=T1;text"), "text");
  EXPECT_EQ(KernelLine("0,1,1,-;"), "");
}

// A socket that keeps records apart, as the log does.
class KernelLogTailTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends.data()), 0);
    log_ = base::Fd(ends[0]);
    tail_.emplace(base::Fd(ends[1]));
  }
  void Write(std::string_view record) {
    ASSERT_EQ(::send(log_.raw(), record.data(), record.size(), 0),
              static_cast<ssize_t>(record.size()));
  }

  base::Fd log_;
  std::optional<KernelLogTail> tail_;
};

TEST_F(KernelLogTailTest, WhatHasCome) {
  EXPECT_THAT(tail_->Take(), IsEmpty());
  Write("6,1,1,-;one\n");
  Write("14,2,1,-;of a program\n");
  Write("4,3,1,-;two\n");
  EXPECT_THAT(tail_->Take(), ElementsAre("one", "two"));
  EXPECT_THAT(tail_->Take(), IsEmpty());
}

TEST_F(KernelLogTailTest, ALongLogComesInParts) {
  for (size_t i = 0; i < KernelLogTail::kBatch + 1; ++i) Write("6,1,1,-;line\n");
  EXPECT_THAT(tail_->Take(), SizeIs(KernelLogTail::kBatch));
  EXPECT_THAT(tail_->Take(), SizeIs(1));
}

TEST(KernelLogTail, WithoutTheRightThereIsNone) {
  test::ScriptedKernel kernel;
  kernel.FailOpen("/dev/kmsg", EPERM);
  EXPECT_FALSE(KernelLogTail::Open(kernel));
}

}  // namespace
}  // namespace sysfs
