#include "cli/declared/transaction.h"

#include <gmock/gmock.h>

#include <fstream>

#include "cli/declared/guard.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_folder.h"

namespace cli {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;

sysfs::Identity Card() {
  sysfs::Identity one;
  one.path = "0000:00/16.0/00.0";
  one.vendor = 0x8086;
  one.device = 0x10c9;
  one.mac = "52:54:00:00:00:03";
  return one;
}

Transaction Whole() {
  Transaction one;
  one.boot_id = "boot-1";
  one.pid = 4711;
  one.phase = Phase::kWaiting;
  one.confirm = 60;
  one.deadline = 123456789;
  one.touched = {{{0, 8, 0, 0}, "a\n\"b\"", "c", {}, {}}, {{0, 3, 0, 0}, {}, {}, "d", "e"}};
  one.nodes = {{"/dev/vfio/14", {0, 108, 0660}}};
  one.pins = {{"nic", Card()}};
  return one;
}

TEST(Pin, IsReadBackAsWritten) {
  const auto again = ParsePin(FormatPin(Card()));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, Card());
}

TEST(Pin, NothingElseIsOne) {
  const std::string text = FormatPin(Card());
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_THAT(ParsePin(text.substr(0, size)), FailsWith(Code::kUsage)) << size;
  EXPECT_THAT(ParsePin(text + text), FailsWith(Code::kUsage));
  EXPECT_THAT(ParsePin("[]"), FailsWith(Code::kUsage));
}

TEST(Pins, AreStoredReadAndRemoved) {
  test::TempFolder folder;
  const Pins pins(folder.path() + "/deep/pins");
  EXPECT_TRUE(pins.Read()->empty());
  ASSERT_THAT(pins.Store("nic", Card()), IsOk());
  EXPECT_EQ(pins.Read()->at("nic"), Card());
  std::ofstream(pins.Path("bad")) << "{}";
  EXPECT_THAT(pins.Read(), FailsWith(Code::kUsage, testing::HasSubstr("bad.json")));
  ASSERT_THAT(pins.Remove("bad"), IsOk());
  ASSERT_THAT(pins.Remove("nic"), IsOk());
  EXPECT_TRUE(pins.Read()->empty());
}

TEST(Transaction, IsReadBackAsWritten) {
  const auto again = ParseTransaction(FormatTransaction(Whole()));
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(*again, Whole());
}

TEST(Transaction, NothingElseIsOne) {
  const std::string text = FormatTransaction(Whole());
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_THAT(ParseTransaction(text.substr(0, size)), FailsWith(Code::kUsage)) << size;
  EXPECT_THAT(ParseTransaction(text + text), FailsWith(Code::kUsage));
  std::string newer = text;
  newer.replace(newer.find("\"version\": 1"), 12, "\"version\": 2");
  EXPECT_THAT(ParseTransaction(newer), FailsWith(Code::kUsage));
}

TEST(Transaction, LivesInTheJournalsFolder) {
  test::TempFolder folder;
  const sysfs::Journal journal(folder.path(), "boot-1");
  EXPECT_FALSE(*FindTransaction(journal));
  EXPECT_EQ(LastOutcome(journal), "");
  ASSERT_THAT(StoreTransaction(journal, Whole()), IsOk());
  EXPECT_EQ(**FindTransaction(journal), Whole());
  EXPECT_FALSE(*FindTransaction(sysfs::Journal(folder.path(), "boot-2"))) << "of another boot";
  ASSERT_THAT(EndTransaction(journal, "kept"), IsOk());
  EXPECT_FALSE(*FindTransaction(journal));
  EXPECT_EQ(LastOutcome(journal), "kept");
  std::ofstream(TransactionPath(journal)) << "{";
  EXPECT_THAT(FindTransaction(journal), FailsWith(Code::kUsage, testing::HasSubstr("apply.json")));
}

TEST(Guard, UndoesWhatIsNotKept) {
  Transaction waiting = Whole();
  EXPECT_EQ(DecideGuard(std::nullopt, 0, true), GuardStep::kEnd);
  EXPECT_EQ(DecideGuard(waiting, waiting.deadline - 1, false), GuardStep::kAwait);
  EXPECT_EQ(DecideGuard(waiting, waiting.deadline, true), GuardStep::kUndo);
  Transaction undoing = Whole();
  undoing.phase = Phase::kUndoing;
  EXPECT_EQ(DecideGuard(undoing, 0, true), GuardStep::kUndo);
  Transaction applying = Whole();
  applying.phase = Phase::kApplying;
  EXPECT_EQ(DecideGuard(applying, 0, true), GuardStep::kAwait);
  EXPECT_EQ(DecideGuard(applying, 0, false), GuardStep::kUndo);
}

}  // namespace
}  // namespace cli
