// A damaged apply.json: named, and no device is touched by what it says of it.
#include <gmock/gmock.h>

#include "cli/declared/guard.h"
#include "cli/declared/undo.h"
#include "sysfs/base/fd.h"
#include "tests/cli/declared/apply_fixture.h"
#include "tests/support/damaged.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kDrive =
    "[[device]]\nname = \"drive\"\nmatch = { serial = \"S1\" }\ndriver = \"vfio-pci\"\n";

// As short as one with all members can be.
Transaction Small() {
  Transaction one;
  one.boot_id = "boot-1";
  one.pid = 71;
  one.phase = Phase::kWaiting;
  one.confirm = 60;
  one.deadline = 12345;
  one.touched = {{{0, 8, 0, 0}, "a", "b", "c", "d"}};
  one.nodes = {{"/dev/vfio/14", {1, 2, 0660}}};
  one.pins["n"].path = "0000:00/16.0";
  return one;
}

class DamagedTransaction : public ApplyTest {
 protected:
  DamagedTransaction() { EXPECT_THAT(world_->journal().Prepare(), IsOk()); }
  std::string Path() const { return TransactionPath(world_->journal()); }
  auto Find(const std::string& text) {
    test::Replace(Path(), text);
    return FindTransaction(world_->journal());
  }
  std::string Text() { return base::ReadFile(Path()).value_or(""); }
  base::Status UndoAll() {
    return WithHost([](DeclaredHost& host) -> base::Status {
      const auto lock = sysfs::TakeHostLock(host.assignment().journal.folder(), {});
      const auto transaction = TRY(FindTransaction(host.assignment().journal));
      return Undo(host, *transaction, *lock, "undone");
    });
  }
};

TEST_F(DamagedTransaction, IsNamed) {
  for (const std::string& text : test::Torn(FormatTransaction(Small()))) {
    const auto found = Find(text);
    ASSERT_THAT(found, FailsWith(Code::kUsage, HasSubstr(Path()))) << text;
    EXPECT_THAT(found.error().hint(), AllOf(HasSubstr("remove"), HasSubstr(Path())));
  }
  for (const std::string& text : test::Flipped(FormatTransaction(Small())))
    ASSERT_THAT(ParseTransaction(text), FailsWith(Code::kUsage)) << text;
}

// Neither an apply nor a confirm goes on, and nothing is changed.
TEST_F(DamagedTransaction, NobodyActsOnIt) {
  ASSERT_THAT(Run(kDrive, Confirmed(60)), IsOk());
  const std::string text = Text();
  test::Replace(Path(), text.substr(0, text.size() / 2));
  world_->ForgetSteps();
  EXPECT_THAT(Run(kDrive), FailsWith(Code::kUsage, HasSubstr(Path())));
  EXPECT_THAT(WithHost(ConfirmWaiting), FailsWith(Code::kUsage, HasSubstr(Path())));
  EXPECT_THAT(WithHost(Guard), FailsWith(Code::kUsage, HasSubstr(Path())));
  EXPECT_EQ(world_->steps(), 0u);
  EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "vfio-pci");
}

// The records in it have checksums.
TEST_F(DamagedTransaction, ADeviceIsLeftWhoseRecordInItIsDamaged) {
  const std::string before = world_->Digest();
  ASSERT_THAT(Run(kDrive, Confirmed(60)), IsOk());
  const std::string whole = Text();
  const size_t begin = whole.find("\"device_before\": \"") + 18;
  const size_t end = whole.find("\"device_record\"");
  world_->ForgetSteps();
  for (size_t at = begin; at < end; at += 11) {
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ (1 << at % 7));
    if (!Find(text)) continue;
    EXPECT_THAT(UndoAll(), FailsWith(Code::kPartial, HasSubstr("not a usable record"))) << text;
    EXPECT_EQ(world_->tree().DriverOf("0000:08:00.0"), "vfio-pci");
  }
  EXPECT_EQ(world_->steps(), 0u);
  ASSERT_THAT(Find(whole), IsOk());
  EXPECT_THAT(UndoAll(), IsOk());
  EXPECT_EQ(world_->Digest(), before);
}

TEST_F(DamagedTransaction, ADamagedOutcomeIsNotKept) {
  const sysfs::Journal journal = world_->journal();
  ASSERT_THAT(EndTransaction(journal, "undone: nobody confirmed"), IsOk());
  const std::string path = journal.folder() + "/apply.outcome";
  for (const std::string& text : test::Damaged(base::ReadFile(path).value_or(""))) {
    test::Replace(path, text);
    EXPECT_NE(LastOutcome(journal), "kept") << text;
  }
}

}  // namespace
}  // namespace cli
