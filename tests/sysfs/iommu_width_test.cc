#include "sysfs/iommu_width.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::Optional;

std::optional<unsigned> Width(const std::string& capability) {
  test::FakeTree tree;
  tree.AddDevice({.bdf = "0000:08:00.0"});
  tree.AddFile("/sys/bus/pci/devices/0000:08:00.0/iommu/intel-iommu/cap", capability);
  return ReadIommuWidth(tree, {0, 8, 0, 0});
}

TEST(IommuWidth, IsTheDeepestTableWithinTheGuestsAddresses) {
  EXPECT_THAT(Width("d2008c222f0686\n"), Optional(48u));  // MGAW 48, three and four levels
  EXPECT_THAT(Width("d2008c22260286\n"), Optional(39u));  // MGAW 39, three levels
  EXPECT_THAT(Width("d2008c22380e86\n"), Optional(57u));  // five levels too
  EXPECT_THAT(Width("d2008c222f0286\n"), Optional(39u));  // the table is narrower
  EXPECT_THAT(Width("d2008c22260686\n"), Optional(39u));  // the table is wider
}

TEST(IommuWidth, IsUnknownWhereNothingTellsIt) {
  EXPECT_EQ(Width("nonsense"), std::nullopt);
  EXPECT_EQ(Width("0"), std::nullopt);
  test::FakeTree tree;
  tree.AddDevice({.bdf = "0000:08:00.0"});
  EXPECT_EQ(ReadIommuWidth(tree, {0, 8, 0, 0}), std::nullopt);
}

}  // namespace
}  // namespace sysfs
