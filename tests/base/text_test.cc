#include "sysfs/base/text.h"

#include <gmock/gmock.h>

namespace base {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::Optional;

TEST(ParseHex, RefusesWhatIsNotWhollyDigits) {
  for (const char* text : {"", "0x1", "-1", "+1", " 1", "1 ", "g", "1\n", "10000000000000000"}) {
    EXPECT_EQ(ParseHex(text), std::nullopt) << text;
  }
}

TEST(ParseHex, ReadsEitherCaseUpToTheLimit) {
  EXPECT_THAT(ParseHex("fF"), Optional(Eq(255u)));
  EXPECT_EQ(ParseHex("100", 0xff), std::nullopt);
  EXPECT_THAT(ParseHex("ffffffffffffffff"), Optional(Eq(UINT64_MAX)));
}

TEST(ParseUnsigned, TakesThePrefixAsTheBase) {
  EXPECT_THAT(ParseUnsigned("0x10"), Optional(Eq(16u)));
  EXPECT_THAT(ParseUnsigned("10"), Optional(Eq(10u)));
  EXPECT_EQ(ParseUnsigned("a"), std::nullopt);
  EXPECT_EQ(ParseUnsigned("0x"), std::nullopt);
}

TEST(ParseSize, ReadsPowersOf1024) {
  EXPECT_THAT(ParseSize("512M"), Optional(Eq(uint64_t{512} << 20)));
  EXPECT_THAT(ParseSize("4g"), Optional(Eq(uint64_t{4} << 30)));
  EXPECT_THAT(ParseSize("4096"), Optional(Eq(4096u)));
}

TEST(ParseSize, RefusesOverflowAndNonsense) {
  for (const char* text : {"", "M", "1.5G", "-1M", "99999999999T", "1MB", "1 M"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
  }
}

TEST(FormatSize, UsesTheLargestUnitThatFits) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(512 << 10), "512 KiB");
  EXPECT_EQ(FormatSize(uint64_t{3} << 29), "1.5 GiB");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(Split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
}

TEST(Trim, RemovesBlanksAtBothEnds) {
  EXPECT_EQ(Trim(" a b\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
}

TEST(LastComponent, IsThePartBehindTheLastSlash) {
  EXPECT_EQ(LastComponent("../../bus/pci/drivers/nvme"), "nvme");
  EXPECT_EQ(LastComponent("nvme"), "nvme");
}

TEST(Quote, ShowsWhatATerminalMustNotObey) {
  EXPECT_EQ(Quote("08:00.0"), "'08:00.0'");
  EXPECT_EQ(Quote("\x1b[2J\n"), "'\\x1b[2J\\x0a'");
  EXPECT_EQ(Quote(std::string(500, 'a')).size(), 80u + 5u);
}

}  // namespace
}  // namespace base
