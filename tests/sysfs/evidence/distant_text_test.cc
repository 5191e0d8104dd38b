#include "sysfs/evidence/distant_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sysfs {
namespace {

using testing::IsEmpty;

TEST(DistantText, ComesBackAsItWas) {
  const NetworkNamespace odd = {"/run/netns/a\n b", "ip netns a\n b", "ip netns exec 'a\n b'"};
  const std::vector<DistantInterface> interfaces = {
      {"0000:03:00.0", "eth0", {"/proc/70/ns/net", "pid 70 (sleep)", "nsenter -n -t 70"}, ""},
      {"", "", odd, ""},
      {"", "vlan7", odd, "eth1"}};
  const auto parsed = ParseDistant(FormatDistant(interfaces));
  ASSERT_EQ(parsed.size(), interfaces.size());
  for (size_t i = 0; i < parsed.size(); ++i) {
    EXPECT_EQ(parsed[i].device, interfaces[i].device);
    EXPECT_EQ(parsed[i].name, interfaces[i].name);
    EXPECT_EQ(parsed[i].place, interfaces[i].place);
    EXPECT_EQ(parsed[i].lower, interfaces[i].lower);
  }
}

TEST(DistantText, NothingIsNone) {
  EXPECT_EQ(FormatDistant({}), "");
  EXPECT_THAT(ParseDistant(""), IsEmpty());
  EXPECT_THAT(ParseDistant("half"), IsEmpty());
}

}  // namespace
}  // namespace sysfs
