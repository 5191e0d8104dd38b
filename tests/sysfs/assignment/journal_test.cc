#include "sysfs/assignment/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sysfs/base/fd.h"
#include "tests/support/damaged.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::AllOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

class JournalTest : public testing::Test {
 protected:
  JournalTest() : journal_(folder_.path() + "/run", "boot-1") {
    EXPECT_THAT(journal_.Prepare(), IsOk());
    record_.address = address_;
    record_.vendor = 0x144d;
    record_.device = 0xa808;
    record_.driver = "nvme";
    record_.wanted = "vfio-pci";
    record_.boot_id = "boot-1";
  }

  test::TempFolder folder_;
  Journal journal_;
  PciAddress address_{0, 8, 0, 0};
  Record record_;
};

TEST_F(JournalTest, DamagedRecordIsAnErrorThatNamesTheFile) {
  const std::string whole = FormatRecord(record_);
  for (const std::string& text : test::Damaged(whole)) {
    test::Replace(journal_.RecordPath(address_), text);
    const auto found = journal_.Find(address_);
    ASSERT_THAT(found, FailsWith(Code::kUsage, HasSubstr(journal_.RecordPath(address_)))) << text;
    EXPECT_THAT(found.error().hint(), HasSubstr("remove"));
  }
}

// Its boot would look like another one, and the device be given back without its record.
TEST_F(JournalTest, NothingIsRecordedOrFoundWhenTheBootIsNotKnown) {
  ASSERT_THAT(journal_.Store(record_), IsOk());
  const Journal blind(journal_.folder(), "");
  EXPECT_THAT(blind.Prepare(), FailsWith(Code::kKernel, HasSubstr("boot_id")));
  EXPECT_THAT(blind.Find(address_), FailsWith(Code::kKernel, HasSubstr("boot_id")));
}

TEST_F(JournalTest, RecordOfAnotherDeviceIsRefused) {
  Record other = record_;
  other.address.bus = 9;
  test::Replace(journal_.RecordPath(address_), FormatRecord(other));
  EXPECT_THAT(journal_.Find(address_), FailsWith(Code::kUsage, HasSubstr("0000:09:00.0")));
}

TEST_F(JournalTest, RecordOfAnotherBootCountsAsAbsent) {
  ASSERT_THAT(journal_.Store(record_), IsOk());
  const Journal later(journal_.folder(), "boot-2");
  EXPECT_THAT(later.Find(address_), IsOkAnd(Eq(std::nullopt)));
}

TEST_F(JournalTest, AbsentRecordIsNoError) {
  EXPECT_THAT(journal_.Find(address_), IsOkAnd(Eq(std::nullopt)));
  EXPECT_THAT(journal_.Remove(address_), IsOk());
  EXPECT_THAT(journal_.List(), IsOkAnd(IsEmpty()));
  EXPECT_THAT(Journal(folder_.path() + "/absent", "b").List(), IsOkAnd(IsEmpty()));
}

TEST_F(JournalTest, GivesBackWhatWasStored) {
  ASSERT_THAT(journal_.Store(record_), IsOk());
  EXPECT_THAT(journal_.Find(address_), IsOkAnd(Eq(record_)));
  EXPECT_THAT(journal_.List(), IsOkAnd(ElementsAre(address_)));
  ASSERT_THAT(journal_.Remove(address_), IsOk());
  EXPECT_THAT(journal_.Find(address_), IsOkAnd(Eq(std::nullopt)));
}

// A run was killed between making the draft and renaming it.
TEST_F(JournalTest, DraftOfAKilledRunIsOverwritten) {
  ASSERT_THAT(journal_.Store(record_), IsOk());
  const std::string draft = journal_.RecordPath(address_) + ".new";
  const auto fd = base::OpenFile(draft, O_WRONLY | O_CREAT, 0600);
  ASSERT_THAT(fd, IsOk());
  const std::string_view junk = "{\"schema\": \"vass";
  ASSERT_THAT(base::WriteAll(*fd, std::as_bytes(std::span(junk))), IsOk());
  EXPECT_THAT(journal_.Find(address_), IsOkAnd(Eq(record_)));
  EXPECT_THAT(journal_.List(), IsOkAnd(ElementsAre(address_)));
  record_.state = RecordState::kApplied;
  ASSERT_THAT(journal_.Store(record_), IsOk());
  EXPECT_THAT(journal_.Find(address_), IsOkAnd(Eq(record_)));
}

TEST_F(JournalTest, FailedStoreLeavesTheFormerRecord) {
  ASSERT_THAT(journal_.Store(record_), IsOk());
  ASSERT_EQ(::mkdir((journal_.RecordPath(address_) + ".new").c_str(), 0700), 0);
  Record changed = record_;
  changed.state = RecordState::kApplied;
  EXPECT_FALSE(journal_.Store(changed));
  EXPECT_THAT(journal_.Find(address_), IsOkAnd(Eq(record_)));
}

TEST_F(JournalTest, PreparesTwice) { EXPECT_THAT(journal_.Prepare(), IsOk()); }

}  // namespace
}  // namespace sysfs
