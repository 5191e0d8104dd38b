// The kernel's side has no fake below libnl: the lab (vassign-bind) shows it with real routes. Here
// is what any machine can show.
#include "sysfs/evidence/route_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sysfs {
namespace {

using testing::Optional;

TEST(RouteTo, LoopbackIsReachedThroughItself) {
  EXPECT_THAT(RouteTo("127.0.0.1"), Optional(std::string("lo")));
}

TEST(RouteTo, NothingLeadsToWhatIsNoAddress) {
  for (const char* text : {"", "host.example", "127.0.0", "::x", "127.0.0.1/8"})
    EXPECT_EQ(RouteTo(text), std::nullopt) << text;
}

TEST(DumpRoutes, NamesInterfaceAndDestination) {
  const auto routes = DumpRoutes();
  ASSERT_TRUE(routes.has_value());
  for (const HostRoute& route : *routes) {
    EXPECT_FALSE(route.interface.empty());
    EXPECT_NE(route.interface, "lo");
    EXPECT_TRUE(route.is_default() || route.destination.find('/') != std::string::npos)
        << route.destination;
    EXPECT_GE(route.count, 1u);
    EXPECT_NE(route.table, 0u);
  }
}

}  // namespace
}  // namespace sysfs
