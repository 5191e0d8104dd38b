// The kernel's side has no fake below libnl: the lab (vassign-bind) shows it with real addresses.
// Here is what any machine can show.
#include "sysfs/evidence/address_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sysfs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Field;

TEST(DumpAddresses, KnowsLoopback) {
  const auto addresses = DumpAddresses();
  ASSERT_TRUE(addresses.has_value());
  EXPECT_THAT(*addresses, Contains(AllOf(Field(&HostAddress::interface, "lo"),
                                         Field(&HostAddress::address, "127.0.0.1"),
                                         Field(&HostAddress::prefix, 8u))));
  for (const HostAddress& one : *addresses) {
    EXPECT_FALSE(one.interface.empty());
    EXPECT_EQ(one.interface.find(':'), std::string::npos) << "a label is no interface";
    EXPECT_LE(one.prefix, 128u);
    EXPECT_EQ(one.link_local, one.address.starts_with("fe80:")) << one.address;
  }
}

}  // namespace
}  // namespace sysfs
