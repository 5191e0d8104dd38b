#include "sysfs/drivers.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

TEST(IsVfioDriver, OthersAreNot) {
  test::FakeTree tree;
  tree.AddDriver("nvme");
  tree.AddDriver("pci-stub", true);
  EXPECT_FALSE(IsVfioDriver(tree, "nvme"));
  EXPECT_FALSE(IsVfioDriver(tree, "pci-stub"));
  EXPECT_FALSE(IsVfioDriver(tree, ""));
}

TEST(IsVfioDriver, TellsVariantsByNameAndByModule) {
  test::FakeTree tree;
  tree.AddDriver("acme-vfio", true);
  EXPECT_TRUE(IsVfioDriver(tree, "vfio-pci"));
  EXPECT_TRUE(IsVfioDriver(tree, "mlx5-vfio-pci"));
  EXPECT_TRUE(IsVfioDriver(tree, "mlx5_vfio_pci"));
  EXPECT_TRUE(IsVfioDriver(tree, "acme-vfio"));
}

TEST(ModuleOfDriver, ReadsTheLink) {
  test::FakeTree tree;
  tree.AddDriver("mlx5-vfio-pci", true);
  EXPECT_EQ(ModuleOfDriver(tree, "mlx5-vfio-pci"), "mlx5_vfio_pci");
  EXPECT_EQ(ModuleOfDriver(tree, "absent"), std::nullopt);
}

}  // namespace
}  // namespace sysfs
