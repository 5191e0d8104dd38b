#include "cli/devices/assignable.h"

#include <gmock/gmock.h>

#include "tests/support/matchers.h"
#include "tests/support/recorded_host.h"

namespace cli {
namespace {

using sysfs::PciAddress;
using test::FailsWith;
using testing::HasSubstr;

base::Status Check(const PciAddress& address) {
  const auto tree = test::LoadHost("host.txt");
  return CheckAssignable(*tree, sysfs::ReadDevice(*tree, address).value_or(sysfs::PciDevice{}));
}

TEST(Assignable, BridgesAreNot) { EXPECT_THAT(Check({0, 0, 1, 0}), FailsWith(base::Code::kUnfit)); }

TEST(Assignable, NeitherIsADeviceWithoutAGroup) {
  EXPECT_THAT(Check({0x10000, 1, 0, 0}), FailsWith(base::Code::kUnfit));
}

TEST(Assignable, ANeighbourOfTheGroupBlocks) {
  const auto status = Check({0, 0x0a, 2, 0});
  ASSERT_THAT(status, FailsWith(base::Code::kUnfit));
  EXPECT_THAT(status.error().message(), HasSubstr("0000:0a:01.0"));
}

TEST(Assignable, TheOwnDriverDoesNot) {
  EXPECT_THAT(Check({0, 8, 0, 0}), test::IsOk());
  EXPECT_THAT(Check({0, 0x0a, 1, 0}), test::IsOk());
}

}  // namespace
}  // namespace cli
