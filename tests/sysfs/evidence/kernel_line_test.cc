#include "sysfs/evidence/kernel_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ParseNetworkRoot, LocalRootIsNone) {
  for (const char* line : {"", "   ", "root=/dev/sda1 ro quiet", "root=UUID=netroot= ip=dhcp",
                           "ip=10.0.0.2::10.0.0.1:255.0.0.0:host:eth0:none root=LABEL=nfs"})
    EXPECT_EQ(ParseNetworkRoot(line), std::nullopt) << line;
}

TEST(ParseNetworkRoot, NamesTheArgumentWithoutItsSecrets) {
  for (const auto& [line, argument] :
       {std::pair("root=/dev/nfs ip=dhcp", "root=/dev/nfs"),
        {"quiet nfsroot=10.0.0.1:/srv,vers=3", "nfsroot=10.0.0.1"},
        {"netroot=iscsi:user:secret@10.0.0.1::::iqn", "netroot=iscsi"},
        {"root=nbd:10.0.0.1:export", "root=nbd"},
        {"rd.iscsi.firmware=1", "rd.iscsi.firmware=1"},
        {"iscsi_initiator=iqn.2020-01.x:y", "iscsi_initiator=iqn.2020-01.x"}}) {
    const auto root = ParseNetworkRoot(line);
    ASSERT_TRUE(root) << line;
    EXPECT_EQ(root->argument, argument);
  }
}

TEST(ParseNetworkRoot, FindsTheInterface) {
  const auto names = [](const std::string& line) {
    return ParseNetworkRoot("root=/dev/nfs " + line).value().interfaces;
  };
  EXPECT_THAT(names("ip=10.0.0.2:10.0.0.1:10.0.0.1:255.0.0.0:host:eth0:none"), ElementsAre("eth0"));
  EXPECT_THAT(names("ip=eth1:dhcp"), ElementsAre("eth1"));
  EXPECT_THAT(names("ip=[2001:db8::2]::[2001:db8::1]:64:host:eth2:none"), ElementsAre("eth2"));
  EXPECT_THAT(names("bootdev=eno1 ifname=net0:52:54:00:00:00:01"), ElementsAre("eno1", "net0"));
  for (const char* line : {"ip=dhcp", "ip=", "ip=:::::", "ip", "ip=10.0.0.2:10.0.0.1"})
    EXPECT_THAT(names(line), IsEmpty()) << line;
}

TEST(ParseNetworkRoot, FindsTheHardwareAddress) {
  EXPECT_EQ(ParseNetworkRoot("netroot=nbd BOOTIF=01-52-54-00-AB-00-01")->mac, "52:54:00:ab:00:01");
  EXPECT_EQ(ParseNetworkRoot("netroot=nbd BOOTIF=52:54:00:ab:00:01")->mac, "52:54:00:ab:00:01");
}

TEST(ParseNetworkRoot, RandomBytesDoNoHarm) {
  std::mt19937 random(3);
  constexpr std::string_view kAlphabet = " =:[].-ipab\n";
  for (int round = 0; round < 3000; ++round) {
    std::string line = "netroot=x ip=";
    for (size_t left = random() % 60; left > 0; --left)
      line += kAlphabet[random() % kAlphabet.size()];
    const auto root = ParseNetworkRoot(line);
    ASSERT_TRUE(root);
    for (const std::string& name : root->interfaces) EXPECT_FALSE(name.empty());
  }
}

}  // namespace
}  // namespace sysfs
