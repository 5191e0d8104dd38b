#include "sriov/vf_attributes.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace sriov {
namespace {

VfAttributes Everything() {
  VfAttributes all;
  all.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  all.vlan = Vlan{7, 3};
  all.trust = true;
  all.spoof_check = false;
  all.rates = Rates{10, 100};
  all.link = LinkState::kDisable;
  return all;
}

TEST(Difference, IsEmptyForWhatIsSoAndForWhatIsNotAskedFor) {
  EXPECT_EQ(Difference(Everything(), Everything()), VfAttributes());
  EXPECT_EQ(Difference({}, Everything()), VfAttributes());
}

TEST(Difference, HoldsWhatIsOtherwiseOrUnknown) {
  VfAttributes present = Everything();
  present.trust = false;
  present.link.reset();
  const VfAttributes difference = Difference(Everything(), present);
  EXPECT_EQ(difference.trust, true);
  EXPECT_EQ(difference.link, LinkState::kDisable);
  EXPECT_FALSE(difference.mac || difference.vlan || difference.rates || difference.spoof_check);
}

TEST(Single, HasOneAttributeEach) {
  const auto all = Single(Everything());
  ASSERT_EQ(all.size(), 6u);
  for (const VfAttributes& one : all) EXPECT_EQ(Single(one).size(), 1u);
  EXPECT_TRUE(Single({}).empty());
}

TEST(FormatAttributes, IsWhatIpTakes) {
  EXPECT_EQ(Format(Everything()),
            "mac 02:00:00:00:00:01 vlan 7 qos 3 trust on spoofchk off max_tx_rate 100 min_tx_rate "
            "10 state disable");
  VfAttributes provider;
  provider.vlan = Vlan{5, 0, 0x88a8};
  EXPECT_EQ(Format(provider), "vlan 5 qos 0 proto 802.1ad");
  EXPECT_EQ(Format(VfAttributes()), "");
}

}  // namespace
}  // namespace sriov
