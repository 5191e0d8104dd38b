#include "sysfs/evidence/libvirt.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sysfs {
namespace {

const PciAddress kAddress{0, 8, 0, 0};

constexpr char kHostDevice[] =
    "<domain><devices><hostdev mode='subsystem' type='pci' managed='yes'>\n"
    "  <driver name='vfio'/>\n"
    "  <source>\n"
    "    <address domain='0x0000' bus='0x08' slot='0x00' function='0x0'/>\n"
    "  </source>\n"
    "  <address type='pci' domain='0x0000' bus='0x05' slot='0x01' function='0x0'/>\n"
    "</hostdev></devices></domain>\n";

TEST(NamesHostDevice, GoesByTheSource) {
  EXPECT_TRUE(NamesHostDevice(kHostDevice, kAddress));
  EXPECT_FALSE(NamesHostDevice(kHostDevice, PciAddress{0, 5, 1, 0}));  // the guest's own address
  EXPECT_FALSE(NamesHostDevice(kHostDevice, PciAddress{1, 8, 0, 0}));
  EXPECT_FALSE(NamesHostDevice(kHostDevice, PciAddress{0, 8, 0, 1}));
}

TEST(NamesHostDevice, TakesOtherSpellings) {
  EXPECT_TRUE(NamesHostDevice(
      R"(<source><address type="pci" bus="8" slot="0" domain="0"/></source>)", kAddress));
  EXPECT_TRUE(NamesHostDevice("<source file='/x'/><source dev='y'><address\n bus='8' slot='0'/>",
                              kAddress));
}

TEST(NamesHostDevice, OtherTextNamesNothing) {
  const std::string address = "<address domain='0' bus='8' slot='0' function='0'/>";
  for (const std::string& text :
       {std::string(), std::string("<"), std::string("<source"), address, "<source/>" + address,
        "<source></source>" + address, "<sources>" + address,
        "<!-- <source>" + address + "</source> -->", "<source><!-- " + address,
        std::string("<source><address bus='8'/>"), std::string("<source><address bus=8 slot=0/>"),
        std::string("<source><address bus='8' slot='0"), std::string("<source><addressbus='8'/>")})
    EXPECT_FALSE(NamesHostDevice(text, kAddress)) << text;
}

TEST(NamesHostDevice, DamagedTextDoesNoHarm) {
  std::mt19937 random(4);
  for (int round = 0; round < 3000; ++round) {
    std::string text = kHostDevice;
    for (int change = 0; change < 4; ++change)
      text[random() % text.size()] = "<>'=/! "[random() % 7];
    text.resize(random() % text.size());
    // Whatever it says, it says it again.
    EXPECT_EQ(NamesHostDevice(text, kAddress), NamesHostDevice(text, kAddress));
  }
}

}  // namespace
}  // namespace sysfs
