#include "sysfs/drivers.h"

#include <gmock/gmock.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

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

// The forms of real modules.alias files.
constexpr std::string_view kAliases =
    "# Aliases extracted from modules themselves.\n"
    "alias pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_core\n"
    "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
    "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci\n"
    "alias vfio_pci:v000015B3d*sv*sd*bc*sc*i* broad_vfio_pci\n"
    "alias vfio_pci:broken\n"
    "alias vfio_pci:v000019E5d0000A250sv*sd*bc*sc*i* hisi_acc_vfio_pci";
constexpr std::string_view kConnectX = "pci:v000015B3d0000101Esv000015B3sd00000001bc02sc00i00";
constexpr std::string_view kDrive = "pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02";

TEST(BestVfioModule, NothingMatchesIsNothing) {
  EXPECT_EQ(BestVfioModule("", kConnectX), std::nullopt);
  EXPECT_EQ(BestVfioModule(kAliases, "usb:v1234"), std::nullopt);
  EXPECT_EQ(BestVfioModule(kAliases, ""), std::nullopt);
  EXPECT_EQ(BestVfioModule("alias pci:v*d*sv*sd*bc*sc*i* nvme\n", kDrive), std::nullopt);
}

TEST(BestVfioModule, FewestWildcardsWin) {
  EXPECT_EQ(BestVfioModule(kAliases, kConnectX), "mlx5_vfio_pci");
  EXPECT_EQ(BestVfioModule(kAliases, kDrive), "vfio_pci");
  EXPECT_EQ(BestVfioModule(kAliases, "pci:v000015B3d00000001sv0sd0bc02sc00i00"), "broad_vfio_pci");
  EXPECT_EQ(BestVfioModule(kAliases, "pci:v000019E5d0000A250sv0sd0bc02sc00i00"),
            "hisi_acc_vfio_pci");
}

class Kernel : public testing::Test {
 protected:
  void HaveModules() {
    tree_.AddFile("/proc/sys/kernel/osrelease", "6.12\n");
    tree_.AddFile("/lib/modules/6.12/modules.alias", std::string(kAliases));
  }
  test::FakeTree tree_;
};

TEST_F(Kernel, WithoutVfioThereIsNoDriver) {
  EXPECT_EQ(BestVfioDriver(tree_, kDrive), std::nullopt);
}

TEST_F(Kernel, BuiltInVfioNeedsNoModules) {
  tree_.AddDriver("vfio-pci", true);
  EXPECT_EQ(BestVfioDriver(tree_, kDrive), "vfio-pci");
}

TEST_F(Kernel, LoadedModuleGivesItsDriversName) {
  HaveModules();
  EXPECT_EQ(BestVfioDriver(tree_, kDrive), "vfio-pci");
  EXPECT_EQ(BestVfioDriver(tree_, kConnectX), "mlx5_vfio_pci");
  tree_.AddDriver("mlx5-vfio-pci", true);
  EXPECT_EQ(BestVfioDriver(tree_, kConnectX), "mlx5-vfio-pci");
}

// As Linux 6.17 writes it.
TEST_F(Kernel, AVariantThatIsBuiltInIsFound) {
  using namespace std::string_literals;
  tree_.AddDriver("vfio-pci", true);
  tree_.AddFile("/proc/sys/kernel/osrelease", "6.17\n");
  tree_.AddFile("/lib/modules/6.17/modules.builtin.modinfo",
                "vfio_pci.license=GPL v2\0vfio_pci.alias=vfio_pci:v*d*sv*sd*bc*sc*i*\0"s
                "mlx5_vfio_pci.alias=vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*\0"s);
  EXPECT_EQ(BestVfioDriver(tree_, kConnectX), "mlx5_vfio_pci");
  EXPECT_EQ(BestVfioDriver(tree_, kDrive), "vfio-pci");
}

TEST_F(Kernel, DriversOfModuleAreThoseOfThePciBus) {
  tree_.AddDriver("snd-hda", false);
  tree_.AddDirectory("/sys/module/snd_hda/drivers/hdaudio:codec");
  EXPECT_THAT(DriversOfModule(tree_, "snd-hda"), testing::ElementsAre("snd-hda"));
  EXPECT_THAT(DriversOfModule(tree_, "absent"), testing::IsEmpty());
}

TEST_F(Kernel, CandidatesNeedAModuleIndex) {
  EXPECT_THAT(CandidateDrivers(tree_, std::string(kDrive), "/nonexistent"),
              test::FailsWith(base::Code::kNotFound));
}

}  // namespace
}  // namespace sysfs
