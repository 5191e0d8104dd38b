#include "sysfs/pci_address.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using test::FailsWith;
using test::IsOkAnd;
using testing::HasSubstr;

class Malformed : public testing::TestWithParam<const char*> {};

TEST_P(Malformed, IsRefusedWithTheWantedForm) {
  const auto address = PciAddress::Parse(GetParam());
  ASSERT_THAT(address, FailsWith(base::Code::kUsage));
  EXPECT_THAT(address.error().hint(), HasSubstr("08:00.0"));
}

INSTANTIATE_TEST_SUITE_P(PciAddress, Malformed,
                         testing::Values("", ".", ":", "08", "08:00", "08:00.", "08:00.8",
                                         "08:20.0", "100:00.0", "0008:00.0", "08:00.00", "08:000.0",
                                         "0000:08:00.0 ", " 08:00.0", "0x8:00.0", "-8:00.0",
                                         "0:0:0:0.0", "123456789:08:00.0", ":08:00.0", "08:00.g",
                                         "0000:08:00.0\n", "08.00.0", "8086:10fb"));

TEST(PciAddress, ParsesTheUsualForms) {
  const PciAddress wanted{0, 8, 0, 0};
  EXPECT_THAT(PciAddress::Parse("08:00.0"), IsOkAnd(wanted));
  EXPECT_THAT(PciAddress::Parse("8:0.0"), IsOkAnd(wanted));
  EXPECT_THAT(PciAddress::Parse("0000:08:00.0"), IsOkAnd(wanted));
  EXPECT_THAT(PciAddress::Parse("0000:FF:1F.7"), IsOkAnd(PciAddress{0, 0xff, 0x1f, 7}));
}

TEST(PciAddress, TakesTheWideDomainsOfVmd) {
  EXPECT_THAT(PciAddress::Parse("10000:01:00.0"), IsOkAnd(PciAddress{0x10000, 1, 0, 0}));
  EXPECT_THAT(PciAddress::Parse("ffffffff:01:00.0"), IsOkAnd(PciAddress{0xffffffff, 1, 0, 0}));
}

TEST(PciAddress, PrintsTheCanonicalForm) {
  EXPECT_EQ((PciAddress{0, 0xa, 0x1f, 7}).ToString(), "0000:0a:1f.7");
  EXPECT_EQ((PciAddress{0x10000, 1, 0, 0}).ToString(), "10000:01:00.0");
}

TEST(PciAddress, OrdersByDomainFirst) {
  EXPECT_LT((PciAddress{0, 0xff, 0, 0}), (PciAddress{1, 0, 0, 0}));
  EXPECT_LT((PciAddress{0, 1, 0x1f, 7}), (PciAddress{0, 2, 0, 0}));
}

TEST(PciAddress, RoutingIdPacksBusDeviceFunction) {
  EXPECT_EQ((PciAddress{5, 0x08, 0x1f, 7}).routing_id(), 0x08ff);
}

TEST(PciAddress, WhatParsesPrintsToTheSameAddress) {
  std::mt19937 random(1);
  constexpr std::string_view kAlphabet = "0123456789abcdefAF:. x-\n";
  size_t parsed = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text(random() % 14, ' ');
    for (char& byte : text) byte = kAlphabet[random() % kAlphabet.size()];
    // Separators where they belong, so that not all rounds are refused at once.
    if (text.size() == 7) text[2] = ':', text[5] = '.';
    const auto address = PciAddress::Parse(text);
    if (!address) continue;
    ++parsed;
    ASSERT_THAT(PciAddress::Parse(address->ToString()), IsOkAnd(*address)) << text;
    ASSERT_LE(address->device, 0x1f);
    ASSERT_LE(address->function, 7);
  }
  EXPECT_GT(parsed, 100u);
}

}  // namespace
}  // namespace sysfs
