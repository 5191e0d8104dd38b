#include "sriov/mac.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using testing::HasSubstr;

const sysfs::PciAddress kPort{0, 3, 0, 0};

TEST(MacAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "02:00:5e:10:00", "02:00:5e:10:00:01:02", "2:0:5e:10:0:1",
                           "02:00:5e:10:00:0g", "02 00 5e 10 00 01", "02:00-5e:10:00:01"}) {
    EXPECT_THAT(MacAddress::Parse(text), FailsWith(Code::kUsage)) << text;
  }
}

TEST(MacAddress, RefusesWhatNoFunctionCanHave) {
  EXPECT_THAT(MacAddress::Parse("01:00:5e:10:00:01"), FailsWith(Code::kUsage, HasSubstr("group")));
  EXPECT_THAT(MacAddress::Parse("ff:ff:ff:ff:ff:ff"), FailsWith(Code::kUsage));
  EXPECT_THAT(MacAddress::Parse("00:00:00:00:00:00"), FailsWith(Code::kUsage, HasSubstr("zeros")));
  EXPECT_TRUE(MacAddress::ParseAny("00:00:00:00:00:00")->is_zero());
}

TEST(MacAddress, KeepsItsText) {
  EXPECT_EQ(MacAddress::Parse("52:54:00:AB:cd:0f")->ToString(), "52:54:00:ab:cd:0f");
  EXPECT_EQ(MacAddress::Parse("52-54-00-ab-cd-0f")->ToString(), "52:54:00:ab:cd:0f");
}

// IEEE 802: bit 0 of the first byte is a group's, bit 1 says "not of a vendor".
TEST(StableMac, IsLocalAndTheSameAtEveryCall) {
  std::set<std::string> seen;
  for (unsigned index = 0; index < 256; ++index) {
    const MacAddress mac = StableMac("0123456789abcdef", kPort, index);
    EXPECT_EQ(mac.bytes[0] & 3, 2);
    EXPECT_EQ(mac, StableMac("0123456789abcdef", kPort, index));
    seen.insert(mac.ToString());
  }
  EXPECT_EQ(seen.size(), 256u);
}

TEST(StableMac, DependsOnMachineAndPlace) {
  const MacAddress mac = StableMac("a", kPort, 0);
  EXPECT_NE(mac, StableMac("b", kPort, 0));
  EXPECT_NE(mac, StableMac("a", {0, 3, 0, 1}, 0));
}

}  // namespace
}  // namespace sriov
