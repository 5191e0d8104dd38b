#include "sriov/nvme_admin.h"

#include <gtest/gtest.h>
#include <linux/nvme_ioctl.h>

#include <cerrno>
#include <cstring>

#include "sysfs/base/bits.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using base::StoreLe;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

// Answers Identify like a drive with `count` secondary controllers, and keeps the last command.
class NvmeAdminTest : public testing::Test {
 protected:
  NvmeAdminTest() {
    kernel_.On("NVME_IOCTL_ADMIN_CMD", [this](unsigned long, void* argument) {
      last_ = *static_cast<nvme_admin_cmd*>(argument);
      if (last_.opcode == 6) Identify();
      return result_;
    });
    admin_ = std::move(OpenNvmeAdmin(kernel_, "/dev/nvme1").value());
  }

  void Identify() {
    const std::span block(reinterpret_cast<std::byte*>(last_.addr), last_.data_len);
    const uint32_t what = last_.cdw10 & 0xff;
    const uint32_t first = last_.cdw10 >> 16;
    if (what == 0x01) StoreLe<uint16_t>(block, 256, oacs_);
    if (what == 0x14) StoreLe<uint8_t>(block, 4, 3);
    if (what == 0x14) StoreLe<uint32_t>(block, 32, 8);
    if (what != 0x15) return;
    uint8_t entries = 0;
    for (uint32_t id = std::max(first, 1U); id <= count_ && entries < 127; ++id) {
      StoreLe<uint16_t>(block, 32 * (entries + 1U), static_cast<uint16_t>(id));
      ++entries;
    }
    StoreLe<uint8_t>(block, 0, entries);
  }

  test::ScriptedKernel kernel_;
  std::unique_ptr<NvmeAdmin> admin_;
  nvme_admin_cmd last_ = {};
  uint16_t oacs_ = 0x80;
  uint32_t count_ = 4;
  int result_ = 0;
};

TEST_F(NvmeAdminTest, DriveWithoutTheCommandIsUnsupported) {
  oacs_ = 0;
  EXPECT_THAT(admin_->ReadPrimary(), FailsWith(Code::kUnsupported));
}

TEST_F(NvmeAdminTest, ReadsThePrimary) {
  const auto primary = admin_->ReadPrimary();
  ASSERT_THAT(primary, IsOk());
  EXPECT_EQ(primary->queues.total, 8u);
}

TEST_F(NvmeAdminTest, ReadsAllPagesOfALongList) {
  EXPECT_EQ(admin_->ReadSecondaries()->size(), 4u);
  count_ = 300;
  const auto all = admin_->ReadSecondaries();
  ASSERT_THAT(all, IsOk());
  ASSERT_EQ(all->size(), 300u);
  EXPECT_EQ(all->back().controller, 300);
}

// NVM Express Base 2.0, 5.26: ACT in bits 3:0 of CDW10, RT in 10:8, CNTLID in 31:16, NR in CDW11.
TEST_F(NvmeAdminTest, CommandHasItsFieldsInPlace) {
  ASSERT_THAT(admin_->Manage({NvmeAction::kAssign, 3, NvmeResource::kInterrupts, 2}), IsOk());
  EXPECT_EQ(last_.opcode, 0x1c);
  EXPECT_EQ(last_.cdw10, 0x00030108u);
  EXPECT_EQ(last_.cdw11, 2u);
  EXPECT_EQ(last_.data_len, 0u);
  EXPECT_GT(last_.timeout_ms, 0u);
}

TEST_F(NvmeAdminTest, DrivesRefusalIsInWords) {
  result_ = 0x4120;  // with the "do not retry" bit
  EXPECT_THAT(admin_->Manage({NvmeAction::kOnline, 3, NvmeResource::kQueues, 0}),
              FailsWith(Code::kKernel, HasSubstr("wrong state")));
  result_ = 0x1ff;
  EXPECT_THAT(admin_->Manage({}), FailsWith(Code::kKernel, HasSubstr("0x1ff")));
}

TEST_F(NvmeAdminTest, KernelsRefusalKeepsItsErrno) {
  result_ = -EACCES;
  const auto status = admin_->Manage({});
  ASSERT_THAT(status, FailsWith(Code::kDenied));
  EXPECT_EQ(status.error().err(), EACCES);
}

TEST_F(NvmeAdminTest, MissingNodeIsNotFound) {
  kernel_.FailOpen("/dev/nvme9", ENOENT);
  EXPECT_THAT(OpenNvmeAdmin(kernel_, "/dev/nvme9"), FailsWith(Code::kNotFound));
}

}  // namespace
}  // namespace sriov
