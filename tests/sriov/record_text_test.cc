#include <gtest/gtest.h>

#include <random>

#include "sriov/record.h"
#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::Eq;
using testing::HasSubstr;

Record Example() {
  Record record;
  record.address = {0x10000, 3, 0, 0};
  record.vendor = 0x8086;
  record.device = 0x10c9;
  record.driver = "igb";
  record.autoprobe = false;
  record.primary = NvmePrimaryShare{8, 4};
  record.boot_id = "11111111-2222-3333-4444-555555555555";
  FunctionRecord function;
  function.driver = "vfio-pci";
  function.driver_override = "vfio-pci";
  function.attributes.mac = MacAddress{};
  function.attributes.vlan = Vlan{7, 3, 0x88a8};
  function.attributes.trust = true;
  function.attributes.rates = Rates{0, 4000000000};
  function.attributes.link = LinkState::kDisable;
  record.functions = {function, {}};
  return record;
}

TEST(ParseSriovRecord, IsTheInverseOfFormat) {
  EXPECT_THAT(ParseRecord(FormatRecord(Example())), IsOkAnd(Eq(Example())));
  Record bare = Example();
  bare.driver.reset();
  bare.autoprobe.reset();
  bare.primary.reset();
  bare.functions.clear();
  EXPECT_THAT(ParseRecord(FormatRecord(bare)), IsOkAnd(Eq(bare)));
}

TEST(ParseSriovRecord, RefusesWhatIsNoRecord) {
  for (const char* text : {"", "null", "[]", "{}", "{\"schema\": 1}", "\xff"})
    EXPECT_THAT(ParseRecord(text), FailsWith(Code::kUsage, HasSubstr("not a usable record")));
}

// Names become parts of paths.
TEST(ParseSriovRecord, RefusesNamesThatLeadElsewhere) {
  for (const char* name : {"..", "a/b", "a b", ""}) {
    Record record = Example();
    record.functions[0].driver = name;
    EXPECT_THAT(ParseRecord(FormatRecord(record)), FailsWith(Code::kUsage)) << name;
  }
}

TEST(ParseSriovRecord, RandomBytesDoNoHarm) {
  std::mt19937 random(5);
  const std::string whole = FormatRecord(Example());
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    text[random() % text.size()] = static_cast<char>(random());
    const auto record = ParseRecord(text);
    EXPECT_EQ(record ? FormatRecord(*record) : text, text);
  }
}

}  // namespace
}  // namespace sriov
