#include "sriov/record.h"

#include <gtest/gtest.h>

#include "sysfs/base/fd.h"
#include "tests/support/damaged.h"
#include "tests/support/matchers.h"
#include "tests/support/sriov_world.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using test::kCard;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;

class RecordFile : public testing::Test {
 protected:
  RecordFile() : journal_(world_.journal()) { EXPECT_THAT(journal_.Prepare(), IsOk()); }
  Record Make() {
    const auto pf = ReadFunctions(world_.tree(), kCard, {&world_, nullptr});
    return MakeRecord(*pf, journal_.boot_id());
  }
  test::SriovWorld world_;
  sysfs::Journal journal_;
};

TEST_F(RecordFile, AbsentIsNothing) {
  EXPECT_THAT(FindRecord(journal_, kCard), IsOkAnd(Eq(std::nullopt)));
  EXPECT_THAT(ListRecords(journal_), IsEmpty());
  EXPECT_THAT(RemoveRecord(journal_, kCard), IsOk());
}

TEST_F(RecordFile, HoldsWhatThereWas) {
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "2"), IsOk());
  const Record record = Make();
  EXPECT_EQ(record.driver, "igb");
  EXPECT_EQ(record.autoprobe, true);
  ASSERT_EQ(record.functions.size(), 2u);
  EXPECT_EQ(record.functions[0].driver, "igbvf");
  ASSERT_THAT(StoreRecord(journal_, record), IsOk());
  EXPECT_THAT(FindRecord(journal_, kCard), IsOkAnd(Eq(record)));
  EXPECT_THAT(ListRecords(journal_), ElementsAre(kCard));
  EXPECT_THAT(journal_.List(), IsOkAnd(IsEmpty()));  // not a record of a bind
  ASSERT_THAT(RemoveRecord(journal_, kCard), IsOk());
  EXPECT_THAT(FindRecord(journal_, kCard), IsOkAnd(Eq(std::nullopt)));
}

TEST_F(RecordFile, OfAnotherBootSaysNothing) {
  Record record = Make();
  record.boot_id = "boot-0";
  ASSERT_THAT(StoreRecord(journal_, record), IsOk());
  EXPECT_THAT(FindRecord(journal_, kCard), IsOkAnd(Eq(std::nullopt)));
}

TEST_F(RecordFile, DamagedAnywhereIsNamed) {
  ASSERT_THAT(world_.tree().Write("/sys/bus/pci/devices/0000:03:00.0/sriov_numvfs", "1"), IsOk());
  const std::string path = RecordPath(journal_, kCard);
  const std::string whole = FormatRecord(Make());
  for (const std::string& text : test::Flipped(whole))
    EXPECT_THAT(ParseRecord(text), FailsWith(Code::kUsage)) << text;
  for (const std::string& text : test::Torn(whole)) {
    test::Replace(path, text);
    const auto found = FindRecord(journal_, kCard);
    ASSERT_THAT(found, FailsWith(Code::kUsage, HasSubstr(path))) << text;
    EXPECT_THAT(found.error().hint(), HasSubstr("remove " + path));
  }
}

TEST_F(RecordFile, OfAnotherDeviceIsRefused) {
  ASSERT_THAT(sysfs::StoreRecordFile(RecordPath(journal_, {0, 4, 0, 0}), FormatRecord(Make())),
              IsOk());
  EXPECT_THAT(FindRecord(journal_, {0, 4, 0, 0}), FailsWith(Code::kUsage));
  sysfs::PciDevice other;
  other.address = kCard;
  EXPECT_THAT(CheckRecord(journal_, Make(), other),
              FailsWith(Code::kUsage, HasSubstr("8086:10c9")));
}

}  // namespace
}  // namespace sriov
