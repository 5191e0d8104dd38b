// The kernel's side of virtual functions has no fake below libnl: the lab (sriov-igb) shows it on a
// card. Here is what any machine can show.
#include <gtest/gtest.h>
#include <unistd.h>

#include "sriov/vf_links.h"
#include "tests/support/matchers.h"

namespace sriov {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOkAnd;
using testing::IsEmpty;

TEST(NetlinkVfLinks, MissingInterfaceIsNotFound) {
  EXPECT_THAT(NetlinkVfLinks()->Read("no-such-if"), FailsWith(Code::kNotFound));
  EXPECT_THAT(NetlinkVfLinks()->Write("no-such-if", 0, {}), FailsWith(Code::kNotFound));
}

TEST(NetlinkVfLinks, InterfaceWithoutFunctionsHasNone) {
  EXPECT_THAT(NetlinkVfLinks()->Read("lo"), IsOkAnd(IsEmpty()));
}

TEST(NetlinkVfLinks, InterfaceWithoutFunctionsRefusesEachAttribute) {
  VfAttributes all;
  all.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  all.vlan = Vlan{7, 3};
  all.trust = true;
  all.spoof_check = true;
  all.rates = Rates{0, 100};
  all.link = LinkState::kAuto;
  for (const VfAttributes& one : Single(all))
    EXPECT_FALSE(NetlinkVfLinks()->Write("lo", 0, one).has_value()) << Format(one);
  all.vlan = Vlan{7, 3, 0x88a8};
  EXPECT_FALSE(NetlinkVfLinks()->Write("lo", 0, all).has_value());
}

}  // namespace
}  // namespace sriov
