#include "sysfs/evidence/recorded.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const HostRoute kDefault = {"eth0", "default", 254};
const HostRoute kOther = {"br0.7", "2001:db8::/32", 100, true, 3};

TEST(RecordedUse, WhatIsFormattedIsParsed) {
  const auto addresses = ParseAddresses(
      FormatAddresses({{"eth0", "192.0.2.1", false, 24}, {"eth1", "fe80::1", true, 64}}));
  ASSERT_EQ(addresses.size(), 2u);
  EXPECT_EQ(addresses[0].interface, "eth0");
  EXPECT_EQ(addresses[0].address, "192.0.2.1");
  EXPECT_EQ(addresses[0].prefix, 24u);
  EXPECT_FALSE(addresses[0].link_local);
  EXPECT_TRUE(addresses[1].link_local);
  EXPECT_THAT(ParseRoutes(FormatRoutes({kDefault, kOther})), ElementsAre(kDefault, kOther));
}

TEST(RecordedUse, WhatMakesNoSenseIsLeftOut) {
  EXPECT_THAT(ParseAddresses("eth0\neth0 192.0.2.1 x global\neth0 192.0.2.1 129 global\n\n"),
              IsEmpty());
  EXPECT_THAT(ParseRoutes("eth0 default 254 inet\neth0 default -1 inet 1\n \n"), IsEmpty());
}

TEST(RecordedUse, AHostWithoutItTellsNothing) {
  test::FakeTree tree;
  EXPECT_FALSE(TellsUse(tree));
  EXPECT_THAT(RecordedEvidence(tree).routes(), test::IsOkAnd(IsEmpty()));
  tree.AddFile(kRecordedAddresses, "");
  EXPECT_TRUE(TellsUse(tree));
  tree.AddFile(kRecordedRoutes, FormatRoutes({kDefault}));
  EXPECT_THAT(RecordedEvidence(tree).routes(), test::IsOkAnd(ElementsAre(kDefault)));
}

}  // namespace
}  // namespace sysfs
