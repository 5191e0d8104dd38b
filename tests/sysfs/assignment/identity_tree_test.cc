#include "sysfs/assignment/identity_tree.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"

namespace sysfs {
namespace {

using base::Code;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOverride = "/sys/bus/pci/devices/0000:08:00.0/driver_override";

class IdentityTreeTest : public testing::Test {
 protected:
  IdentityTreeTest() {
    tree_.AddDriver("vfio-pci", true);
    tree_.AddDevice({.group = 14});
    planned_ = {*ReadDevice(tree_, {0, 8, 0, 0})};
  }
  test::FakeTree tree_;
  std::vector<PciDevice> planned_;
};

TEST_F(IdentityTreeTest, WritesToTheCardThatWasPlannedFor) {
  IdentityTree guarded(tree_, planned_);
  EXPECT_THAT(guarded.Write(kOverride, "vfio-pci"), IsOk());
  EXPECT_THAT(guarded.Write("/sys/bus/pci/drivers/vfio-pci/bind", "0000:08:00.0"), IsOk());
  EXPECT_EQ(tree_.DriverOf("0000:08:00.0"), "vfio-pci");
}

TEST_F(IdentityTreeTest, AnotherCardIsLeftAlone) {
  IdentityTree guarded(tree_, planned_);
  tree_.AddDevice({.device = 0xbeef, .group = 14});
  for (const std::string& path : {kOverride, std::string("/sys/bus/pci/drivers/vfio-pci/bind")}) {
    EXPECT_THAT(
        guarded.Write(path, path == kOverride ? "vfio-pci" : "0000:08:00.0"),
        FailsWith(Code::kNotFound, HasSubstr("144d:beef, of 144d:a801, instead of 144d:a808")));
  }
  EXPECT_THAT(tree_.writes(), IsEmpty());
}

TEST_F(IdentityTreeTest, TheSameChipOnAnotherBoardIsAnotherCard) {
  for (const test::FakeDevice& other :
       {test::FakeDevice{.group = 14, .subsystem_vendor = 0x1028},
        test::FakeDevice{.group = 14, .subsystem_device = 0xa802}}) {
    IdentityTree guarded(tree_, planned_);
    tree_.AddDevice(other);
    EXPECT_THAT(guarded.Write(kOverride, "vfio-pci"),
                FailsWith(Code::kNotFound, HasSubstr("another card")));
  }
  EXPECT_THAT(tree_.writes(), IsEmpty());
}

TEST_F(IdentityTreeTest, ATwinWithAnotherSerialNumberIsAnotherCard) {
  const std::string serial = "/sys/bus/pci/devices/0000:08:00.0/nvme/nvme1/serial";
  tree_.AddFile(serial, "A1  \n");
  IdentityTree guarded(tree_, planned_);
  tree_.AddFile(serial, "B2  \n");
  EXPECT_THAT(guarded.Write(kOverride, "vfio-pci"),
              FailsWith(Code::kNotFound, HasSubstr("serial number B2 instead of A1")));
  EXPECT_THAT(tree_.writes(), IsEmpty());
  tree_.Remove(serial);
  EXPECT_THAT(guarded.Write(kOverride, "vfio-pci"), IsOk()) << "no driver tells it any more";
}

TEST_F(IdentityTreeTest, ATwinWithAnotherMacAddressIsAnotherCard) {
  const std::string interface = "/sys/bus/pci/devices/0000:08:00.0/net/eth0";
  tree_.AddFile(interface + "/addr_assign_type", "0\n");
  tree_.AddFile(interface + "/address", "52:54:00:00:00:01\n");
  IdentityTree guarded(tree_, planned_);
  tree_.AddFile(interface + "/address", "52:54:00:00:00:02\n");
  EXPECT_THAT(
      guarded.Write(kOverride, "vfio-pci"),
      FailsWith(Code::kNotFound, HasSubstr("52:54:00:00:00:02 instead of 52:54:00:00:00:01")));
  tree_.AddFile(interface + "/addr_assign_type", "3\n");
  EXPECT_THAT(guarded.Write(kOverride, "vfio-pci"), IsOk()) << "its user gave it another";
}

TEST_F(IdentityTreeTest, ACardThatIsGoneIsSaid) {
  IdentityTree guarded(tree_, planned_);
  tree_.Remove("/sys/bus/pci/devices/0000:08:00.0");
  EXPECT_THAT(guarded.Write("/sys/bus/pci/drivers_probe", "0000:08:00.0"),
              FailsWith(Code::kNotFound, HasSubstr("has gone")));
  EXPECT_THAT(tree_.writes(), IsEmpty());
}

}  // namespace
}  // namespace sysfs
