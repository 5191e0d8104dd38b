#include "sysfs/evidence/places.h"

#include <sys/sysmacros.h>

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

TEST(Places, GoByThePlaceOfTheDevice) {
  test::FakeTree tree;
  tree.AddLink("/sys/class/net/eth0", "../../devices/pci0000:00/0000:08:00.0/net/eth0");
  tree.AddLink("/sys/class/net/eth1", "../../devices/pci0000:00/0000:08:00.1/net/eth1");
  tree.AddLink("/sys/class/net/lo", "../../devices/virtual/net/lo");
  tree.AddFile("/sys/class/net/bonding_masters", "");
  const Places places(tree);
  const auto found = places.FindBelow("/sys/class/net", kAddress);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "eth0");
  EXPECT_THAT(found[0].path, ElementsAre(kBdf, "eth0"));
  EXPECT_THAT(places.FindBelow("/sys/class/absent", kAddress), IsEmpty());
}

TEST(Places, AFunctionBehindAnotherIsBelowBoth) {
  test::FakeTree tree;
  tree.AddLink("/sys/class/nvme/nvme0",
               "../../devices/pci0000:00/0000:00:01.0/0000:08:00.0/nvme/nvme0");
  const Places places(tree);
  EXPECT_THAT(places.FindBelow("/sys/class/nvme", kAddress)[0].path, ElementsAre(kBdf, "nvme0"));
  EXPECT_THAT(places.FindBelow("/sys/class/nvme", {0, 0, 1, 0})[0].path,
              ElementsAre("0000:00:01.0", kBdf, "nvme0"));
}

TEST(Places, AreThoseOfTheFirstLook) {
  test::FakeTree tree;
  tree.AddDirectory("/dev/vfio");
  const Places places(tree);
  EXPECT_FALSE(places.IsListed("/dev/vfio", "14"));
  EXPECT_FALSE(places.IsListed("/dev/absent", "14"));
  tree.AddFile("/dev/vfio/14", "");
  EXPECT_FALSE(places.IsListed("/dev/vfio", "14"));
  EXPECT_TRUE(Places(tree).IsListed("/dev/vfio", "14"));
}

TEST(Places, KnowTheNumbersOfVfioNodes) {
  test::FakeTree tree;
  tree.AddLink("/sys/dev/char/244:3", "../../devices/virtual/vfio/14");
  tree.AddLink("/sys/dev/char/510:1", "../../devices/pci0000:00/0000:08:00.0/vfio-dev/vfio1");
  tree.AddLink("/sys/dev/char/x:1", "../../devices/virtual/vfio/15");
  const Places places(tree);
  EXPECT_EQ(places.VfioNumber("/dev/vfio/14"), makedev(244, 3));
  EXPECT_EQ(places.VfioNumber("/dev/vfio/devices/vfio1"), makedev(510, 1));
  EXPECT_EQ(places.VfioNumber("/dev/vfio/15"), std::nullopt);
}

TEST(ParseDeviceNumber, IsTwoNumbers) {
  EXPECT_EQ(ParseDeviceNumber("226:128"), makedev(226, 128));
  for (const char* text : {"", ":", "1", "1:", "1:2:3", "a:1", "-1:1"})
    EXPECT_EQ(ParseDeviceNumber(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sysfs
