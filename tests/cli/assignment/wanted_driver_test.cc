#include "cli/assignment/wanted_driver.h"

#include <gmock/gmock.h>

#include <vector>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace cli {
namespace {

using sysfs::PciAddress;
using testing::AllOf;
using testing::HasSubstr;

class WantedDriverTest : public testing::Test {
 protected:
  WantedDriverTest() {
    tree_.AddFile("/proc/sys/kernel/osrelease", "6.12\n");
    tree_.AddFile("/lib/modules/6.12/modules.alias",
                  "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
                  "alias vfio_pci:v00001AF4d00001041sv*sd*bc*sc*i* virtio_vfio_pci\n");
    tree_.AddDevice({.bdf = kDrive.ToString()});
    for (const PciAddress& card : {kCard, kOtherCard})
      tree_.AddDevice({.bdf = card.ToString(), .vendor = 0x1af4, .device = 0x1041});
  }
  base::Result<std::string> Wanted(const std::string& name, std::vector<PciAddress> devices) {
    return WantedDriver(tree_, name, devices);
  }
  const PciAddress kDrive{0, 8, 0, 0}, kCard{0, 10, 0, 0}, kOtherCard{0, 11, 0, 0};
  test::FakeTree tree_;
};

TEST_F(WantedDriverTest, ANameIsTakenAsItIs) {
  EXPECT_EQ(Wanted("pci-stub", {kDrive, kCard}).value_or(""), "pci-stub");
}

TEST_F(WantedDriverTest, TheBestIsTheVariantThatKnowsThem) {
  EXPECT_EQ(Wanted("best", {kDrive}).value_or(""), "vfio-pci");
  EXPECT_EQ(Wanted("best", {kCard, kOtherCard}).value_or(""), "virtio_vfio_pci");
}

TEST_F(WantedDriverTest, DevicesOfDifferentDriversAreRefused) {
  EXPECT_THAT(
      Wanted("best", {kCard, kDrive}),
      test::FailsWith(base::Code::kUsage, AllOf(HasSubstr("virtio_vfio_pci for 0000:0a:00.0"),
                                                HasSubstr("vfio-pci for 0000:08:00.0"))));
}

TEST_F(WantedDriverTest, WithoutAnyVfioDriverTheUsualOneIsNamed) {
  tree_.Remove("/lib/modules/6.12/modules.alias");
  EXPECT_EQ(Wanted("best", {kCard}).value_or(""), "vfio-pci");
}

TEST_F(WantedDriverTest, ADeviceThatIsNotThere) {
  EXPECT_THAT(Wanted("best", {PciAddress{0, 99, 0, 0}}), test::FailsWith(base::Code::kNotFound));
}

}  // namespace
}  // namespace cli
