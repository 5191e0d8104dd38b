#include "sysfs/identity.h"

#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"
#include "tests/support/unreadable_tree.h"

namespace {

using sysfs::PciAddress;

constexpr PciAddress kPort{0, 0, 0x1c, 2};
constexpr PciAddress kCard{0, 9, 0, 1};

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() {
    tree_.AddDevice({.bdf = "0000:00:1c.2", .class_code = 0x060400});
    tree_.AddDevice({.bdf = "0000:09:00.1",
                     .vendor = 0x8086,
                     .device = 0x10c9,
                     .class_code = 0x020000,
                     .parent = "0000:00:1c.2"});
  }
  sysfs::Identity Read() { return sysfs::ReadIdentity(tree_, *sysfs::ReadDevice(tree_, kCard)); }
  void AddFile(const std::string& name, const std::string& text) {
    tree_.AddFile("/sys/bus/pci/devices/0000:09:00.1/" + name, text);
  }

  test::FakeTree tree_;
};

TEST_F(IdentityTest, ThePathHasNoBusButTheRoots) {
  EXPECT_EQ(Read().path.substr(Read().path.size() - 5), "/00.1");
  EXPECT_EQ(Read().path.find("09:"), std::string::npos);
  const auto parsed = sysfs::ParsePciPath(Read().path);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, Read().path);
}

TEST_F(IdentityTest, AFunctionOnARootBusIsOneHop) {
  tree_.AddDevice({.bdf = "0000:00:1f.3"});
  EXPECT_TRUE(sysfs::PciPath(tree_, kPort).ends_with("/1c.2"));
}

TEST_F(IdentityTest, APlaceThatCannotBeReadIsNotTheRootBus) {
  const test::UnreadableTree broken(tree_, {"/sys/bus/pci/devices/0000:09:00.1"}, ENOMEM);
  EXPECT_EQ(sysfs::PciPath(broken, kCard), "");
  EXPECT_NE(sysfs::PciPath(broken, kPort), "");
}

TEST_F(IdentityTest, IdsAreThoseOfTheDevice) {
  const auto identity = Read();
  EXPECT_EQ(identity.vendor, 0x8086);
  EXPECT_EQ(identity.device, 0x10c9);
  EXPECT_EQ(identity.subsystem_vendor, 0x144d);
  EXPECT_EQ(identity.subsystem_device, 0xa801);
}

TEST_F(IdentityTest, WhatCannotBeReadIsNothing) {
  const auto identity = Read();
  EXPECT_FALSE(identity.serial);
  EXPECT_FALSE(identity.dsn);
  EXPECT_FALSE(identity.mac);
}

TEST_F(IdentityTest, ADrivesSerialIsTrimmed) {
  AddFile("nvme/nvme3/serial", "S4EW NX0  ");
  EXPECT_EQ(Read().serial, "S4EW NX0");
  AddFile("nvme/nvme3/serial", "   ");
  EXPECT_FALSE(Read().serial);
}

TEST_F(IdentityTest, OnlyAPermanentAddressCounts) {
  AddFile("net/eth3/address", "52:54:00:00:00:03");
  AddFile("net/eth3/addr_assign_type", "3");
  EXPECT_FALSE(Read().mac) << "somebody set it";
  AddFile("net/eth3/addr_assign_type", "0");
  EXPECT_EQ(Read().mac, "52:54:00:00:00:03");
}

TEST_F(IdentityTest, AnAddressThatWasSetOnceIsAskedFor) {
  AddFile("net/eth3/address", "52:54:00:00:00:03\n");
  AddFile("net/eth3/addr_assign_type", "3");
  const auto device = *sysfs::ReadDevice(tree_, kCard);
  const auto ask = [](const std::string& interface) {
    return std::optional("52:54:00:00:00:07 of " + interface);
  };
  EXPECT_EQ(sysfs::ReadIdentity(tree_, device, sysfs::IdentityDetail::kWhole, ask).mac,
            "52:54:00:00:00:07 of eth3");
  AddFile(std::string("net/eth3") + sysfs::kRecordedAddress, "52:54:00:00:00:05");
  EXPECT_EQ(Read().mac, "52:54:00:00:00:05") << "of a recorded host";
}

TEST_F(IdentityTest, AMemberOfABondHasItsOwnAddressBesideTheBonds) {
  AddFile("net/eth3/address", "52:54:00:00:00:ff");
  AddFile("net/eth3/addr_assign_type", "2");
  AddFile("net/eth3/bonding_slave/perm_hwaddr", "52:54:00:00:00:03");
  EXPECT_EQ(Read().mac, "52:54:00:00:00:03");
}

TEST_F(IdentityTest, TheDeviceSerialNumberIsReadFromTheHighestByte) {
  std::vector<std::byte> config(4096, std::byte{0});
  config[0] = std::byte{0x86};
  config[1] = std::byte{0x80};
  config[0x100] = std::byte{0x03};  // Device Serial Number, version 1
  config[0x102] = std::byte{0x01};
  for (unsigned i = 0; i < 8; ++i) config[0x104 + i] = std::byte(i + 1);
  tree_.AddBytes("/sys/bus/pci/devices/0000:09:00.1/config", config);
  EXPECT_EQ(Read().dsn, "08-07-06-05-04-03-02-01");
}

TEST_F(IdentityTest, ACutConfigurationSpaceHasNone) {
  std::vector<std::byte> config(0x108, std::byte{0});
  config[0] = std::byte{0x86};
  config[0x100] = std::byte{0x03};
  config[0x102] = std::byte{0x01};
  tree_.AddBytes("/sys/bus/pci/devices/0000:09:00.1/config", config);
  EXPECT_FALSE(Read().dsn);
}

TEST(PciPath, OnlyPathsAreParsed) {
  for (const char* bad :
       {"", "0000:00", "0000:00/", "00/1c.0", "0000:00/20.0", "0000:00/1c.8", "0000:00/1c",
        "0000:100/1c.0", "0000:00/1c.0/", "0000:00/1c.0 ", "08:00.0"}) {
    EXPECT_EQ(sysfs::ParsePciPath(bad).error().code(), base::Code::kUsage) << bad;
  }
  EXPECT_EQ(*sysfs::ParsePciPath("0:0/1C.0/0.1"), "0000:00/1c.0/00.1");
  EXPECT_EQ(*sysfs::ParsePciPath("10000:E0/06.0"), "10000:e0/06.0");
}

}  // namespace
