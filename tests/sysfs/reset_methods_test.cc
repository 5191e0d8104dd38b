#include "sysfs/reset_methods.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

constexpr PciAddress kDrive{0, 8, 0, 0};

TEST(ReadResetMethods, AreTheWordsInTheirOrder) {
  test::FakeTree tree;
  tree.AddDevice({});
  const std::string path = "/sys/bus/pci/devices/0000:08:00.0/reset_method";
  tree.Remove(path);
  EXPECT_EQ(ReadResetMethods(tree, kDrive), std::nullopt);
  tree.AddFile(path, "\n");
  EXPECT_THAT(ReadResetMethods(tree, kDrive), Optional(IsEmpty()));
  tree.AddFile(path, "flr  bus\n");
  EXPECT_THAT(ReadResetMethods(tree, kDrive), Optional(ElementsAre("flr", "bus")));
}

}  // namespace
}  // namespace sysfs
