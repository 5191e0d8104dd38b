#include "tests/sysfs/evidence/find.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(IsUsbDevice, TellsDevicesFromHubsAndInterfaces) {
  for (const char* name : {"1-2", "10-1.2.3"}) EXPECT_TRUE(IsUsbDevice(name)) << name;
  for (const char* name :
       {"", "-", "1-", "-1", "usb1", "1-2:1.0", "1-0:1.0", "1-2.", "a-1", "1-2-3"})
    EXPECT_FALSE(IsUsbDevice(name)) << name;
}

TEST(PathTo, NamesFunctionsAndTheLastUsbDevice) {
  const std::string top = "../../devices/pci0000:00/0000:08:00.0/";
  EXPECT_THAT(PathTo(top + "net/eth0", kAddress), ElementsAre(kBdf));
  EXPECT_THAT(PathTo(top + "usb1/1-2/1-2.4/1-2.4:1.0/net/eth0", kAddress),
              ElementsAre(kBdf, "usb 1-2.4"));
  EXPECT_THAT(PathTo(top + "pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0", kAddress),
              ElementsAre(kBdf, "10000:e0:06.0", "10000:e1:00.0"));
}

TEST(PathTo, OtherPlacesHaveNone) {
  for (const char* place :
       {"", "/", "0000:08:00.1/net/eth0", "x0000:08:00.0/net/eth0", "../../devices/virtual/net/lo"})
    EXPECT_THAT(PathTo(place, kAddress), IsEmpty()) << place;
}

TEST(FindBelow, GoesByThePlaceOfTheDevice) {
  test::FakeTree tree;
  tree.AddLink("/sys/class/net/eth0", "../../devices/pci0000:00/0000:08:00.0/net/eth0");
  tree.AddLink("/sys/class/net/eth1", "../../devices/pci0000:00/0000:08:00.1/net/eth1");
  tree.AddLink("/sys/class/net/lo", "../../devices/virtual/net/lo");
  tree.AddFile("/sys/class/net/bonding_masters", "");
  const auto found = FindBelow(tree, "/sys/class/net", kAddress);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "eth0");
  EXPECT_THAT(found[0].path, ElementsAre(kBdf, "eth0"));
  EXPECT_THAT(FindBelow(tree, "/sys/class/absent", kAddress), IsEmpty());
}

TEST(ShellWord, QuotesWhatAShellWouldRead) {
  EXPECT_EQ(ShellWord("/mnt/data-1.2"), "/mnt/data-1.2");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("/my data"), "'/my data'");
  EXPECT_EQ(ShellWord("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord("\xc3\xa4"), "'\xc3\xa4'");
}

TEST(FunctionsInstead, IsOfferedWhereThereCanBeSome) {
  PciDevice device;
  device.address = kAddress;
  EXPECT_EQ(FunctionsInstead(device), "");
  device.sriov_totalvfs = 7;
  EXPECT_EQ(FunctionsInstead(device),
            ", or assign one of its virtual functions: vassign sriov set 0000:08:00.0 1");
  device.sriov_numvfs = 2;
  EXPECT_EQ(FunctionsInstead(device), ", or assign one of its virtual functions");
}

}  // namespace
}  // namespace sysfs
