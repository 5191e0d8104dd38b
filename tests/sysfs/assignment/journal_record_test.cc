#include <gtest/gtest.h>

#include <random>

#include "sysfs/assignment/journal.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using test::IsOkAnd;
using testing::Eq;
using testing::HasSubstr;

Record Example() {
  Record record;
  record.address = {0x10000, 8, 0, 0};
  record.vendor = 0x144d;
  record.device = 0xa808;
  record.driver = "nvme";
  record.module = "nvme";
  record.power_control = "auto";
  record.wanted = "vfio-pci";
  record.state = RecordState::kRestoring;
  record.boot_id = "11111111-2222-3333-4444-555555555555";
  return record;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(ParseRecord, RefusesWhatIsNoRecord) {
  for (const char* text : {"", "null", "[]", "{}", "{\"schema\": 1}", "{\"schema\":", "\xff\xfe"}) {
    EXPECT_THAT(ParseRecord(text), FailsWith(Code::kUsage, HasSubstr("not a usable record")));
  }
}

TEST(ParseRecord, NamesANewerVersion) {
  const std::string text = Replaced(FormatRecord(Example()), "record/1", "record/2");
  EXPECT_THAT(ParseRecord(text), FailsWith(Code::kUsage, HasSubstr("another version")));
}

// Names become parts of paths: none may lead elsewhere.
TEST(ParseRecord, RefusesNamesThatAreNone) {
  for (const char* name : {"../../x", "..", "a b", "a\nb", ""}) {
    Record record = Example();
    record.driver = name;
    EXPECT_THAT(ParseRecord(FormatRecord(record)), FailsWith(Code::kUsage, HasSubstr("driver")));
  }
}

TEST(ParseRecord, KnowsTheWordsOfPowerControl) {
  Record record = Example();
  for (const auto& word : {std::optional<std::string>("on"), std::optional<std::string>()}) {
    record.power_control = word;
    EXPECT_THAT(ParseRecord(FormatRecord(record)), IsOkAnd(Eq(record)));
  }
  record.power_control = "off";
  EXPECT_THAT(ParseRecord(FormatRecord(record)),
              FailsWith(Code::kUsage, HasSubstr("power_control")));
}

TEST(ParseRecord, RefusesAnyChangeByHand) {
  const std::string text = FormatRecord(Example());
  EXPECT_THAT(ParseRecord(Replaced(text, "\"nvme\"", "\"nvmf\"")),
              FailsWith(Code::kUsage, HasSubstr("damaged")));
  EXPECT_THAT(ParseRecord(text + " "), FailsWith(Code::kUsage));
}

TEST(ParseRecord, IsTheInverseOfFormat) {
  EXPECT_THAT(ParseRecord(FormatRecord(Example())), IsOkAnd(Eq(Example())));
  Record driverless = Example();
  driverless.driver = driverless.module = std::nullopt;
  driverless.driver_override = "none";
  driverless.state = RecordState::kApplied;
  EXPECT_THAT(ParseRecord(FormatRecord(driverless)), IsOkAnd(Eq(driverless)));
}

TEST(ParseRecord, RandomBytesDoNoHarm) {
  std::mt19937 random(3);
  const std::string whole = FormatRecord(Example());
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (int change = 0; change < 4; ++change) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    EXPECT_EQ(ParseRecord(text).has_value(), text == whole) << text;
    std::string noise(random() % 64, '\0');
    for (char& byte : noise) byte = static_cast<char>(random());
    EXPECT_FALSE(ParseRecord(noise));
  }
}

TEST(CheckIdentity, RefusesAnotherCardInTheSameSlot) {
  PciDevice device;
  device.vendor = 0x144d;
  device.device = 0xa808;
  EXPECT_THAT(CheckIdentity(Example(), device), IsOk());
  device.device = 0xa809;
  EXPECT_THAT(CheckIdentity(Example(), device), FailsWith(Code::kUsage, HasSubstr("144d:a809")));
}

}  // namespace
}  // namespace sysfs
