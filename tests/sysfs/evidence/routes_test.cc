#include "sysfs/evidence/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kHeading =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

TEST(ParseDefaultRoutes, TakesOnlyUsableDefaults) {
  const std::string text =
      std::string(kHeading) +
      "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
      "eth0\t00000000\t0302000A\t0003\t0\t0\t9\t00000000\t0\t0\t0\n"   // again
      "eth1\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"   // a subnet
      "eth2\t00000000\t00000000\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"   // not up
      "eth3\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"   // rejects
      "eth4\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n";  // half of everything
  EXPECT_THAT(ParseDefaultRoutes(text), ElementsAre("eth0"));
}

TEST(ParseDefaultRoutes6, TakesOnlyUsableDefaults) {
  const std::string zero(32, '0');
  const std::string text =
      zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 1 0 00450003 eth0\n" +
      zero + " 00 " + zero + " 00 " + zero + " ffffffff 1 0 00200200 lo\n" +
      "fe800000000000000000000000000000 40 " + zero + " 00 " + zero + " 100 1 0 00000001 eth1\n";
  EXPECT_THAT(ParseDefaultRoutes6(text), ElementsAre("eth0"));
}

TEST(Routes, RandomBytesDoNoHarm) {
  std::mt19937 random(2);
  constexpr std::string_view kAlphabet = " \t\n0123456789abcdefe";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t left = random() % 200; left > 0; --left)
      text += kAlphabet[random() % kAlphabet.size()];
    for (const std::string& name : ParseDefaultRoutes(text)) EXPECT_FALSE(name.empty());
    for (const std::string& name : ParseDefaultRoutes6(text)) EXPECT_FALSE(name.empty());
  }
}

TEST(SshServer, IsTheThirdOfFour) {
  EXPECT_EQ(ParseSshServer(""), "");
  EXPECT_EQ(ParseSshServer("10.0.0.9 50000 10.0.0.1"), "");
  EXPECT_EQ(ParseSshServer("10.0.0.9 50000 10.0.0.1 22"), "10.0.0.1");
  EXPECT_EQ(ParseSshServer("fe80::2%eth0 50000 fe80::1%eth0 22"), "fe80::1");
}

// sudo clears the variable in our own environment, not in that of the shell above.
TEST(SshServer, IsFoundAmongTheAncestors) {
  test::FakeTree tree;
  tree.AddFile("/proc/30/environ", "A=1");
  tree.AddFile("/proc/30/status", "Name:\tvassign\nPPid:\t20\n");
  tree.AddFile("/proc/20/environ", std::string("B=2\0SSH_CONNECTION=10.0.0.9 5 10.0.0.1 22\0", 42));
  EXPECT_EQ(FindSshServer(tree, 30), "10.0.0.1");
}

TEST(SshServer, LoopOfParentsEnds) {
  test::FakeTree tree;
  tree.AddFile("/proc/30/status", "PPid:\t31\n");
  tree.AddFile("/proc/31/status", "PPid:\t30\n");
  EXPECT_EQ(FindSshServer(tree, 30), "");
}

}  // namespace
}  // namespace sysfs
