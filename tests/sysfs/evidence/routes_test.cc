#include "sysfs/evidence/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::Optional;

constexpr uint32_t kMain = 254;

TEST(DescribeRoute, SaysTableAndFamilyWhereTheyAreNotTheUsualOnes) {
  EXPECT_EQ(Describe(HostRoute{"eth0", "default", kMain}), "default route");
  EXPECT_EQ(Describe(HostRoute{"eth0", "default", kMain, true}), "default route (IPv6)");
  EXPECT_EQ(Describe(HostRoute{"eth0", "default", 100}), "default route (table 100)");
  EXPECT_EQ(Describe(HostRoute{"eth0", "10.1.0.0/16", 100, true, 8}),
            "route to 10.1.0.0/16 and 7 more (IPv6, table 100)");
}

TEST(ParseSshConnection, TakesBothEnds) {
  EXPECT_THAT(ParseSshConnection("10.0.0.9 50000 10.0.0.1 22"),
              Optional(SshSession{"10.0.0.9", "10.0.0.1", ""}));
  EXPECT_THAT(ParseSshConnection("fe80::2%eth0 50000 fe80::1%eth0 22"),
              Optional(SshSession{"fe80::2", "fe80::1", "eth0"}));
}

TEST(ParseSshConnection, AnythingElseIsNone) {
  for (const char* text :
       {"", " ", "10.0.0.9 50000 10.0.0.1", "10.0.0.9 50000 10.0.0.1 22 1", "a x b 22",
        "10.0.0.9 50000 10.0.0.1 99999", "10.0.0.9  10.0.0.1 22", "%eth0 1 %eth0 2"})
    EXPECT_EQ(ParseSshConnection(text), std::nullopt) << text;
}

TEST(ParseSshConnection, RandomBytesDoNoHarm) {
  std::mt19937 random(2);
  constexpr std::string_view kAlphabet = " %\t\n019.:a";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t left = random() % 60; left > 0; --left)
      text += kAlphabet[random() % kAlphabet.size()];
    const auto session = ParseSshConnection(text);
    EXPECT_TRUE(!session || !session->client.empty()) << text;
  }
}

// sudo clears the variable in our own environment, not in that of the shell above.
TEST(FindSshSession, IsFoundAmongTheAncestors) {
  test::FakeTree tree;
  tree.AddFile("/proc/30/environ", "A=1");
  tree.AddFile("/proc/30/status", "Name:\tvassign\nPPid:\t20\n");
  tree.AddFile("/proc/20/environ", std::string("B=2\0SSH_CONNECTION=10.0.0.9 5 10.0.0.1 22\0", 42));
  EXPECT_THAT(FindSshSession(tree, 30), Optional(SshSession{"10.0.0.9", "10.0.0.1", ""}));
}

TEST(FindSshSession, LoopOfParentsEnds) {
  test::FakeTree tree;
  tree.AddFile("/proc/30/status", "PPid:\t31\n");
  tree.AddFile("/proc/31/status", "PPid:\t30\n");
  EXPECT_EQ(FindSshSession(tree, 30), std::nullopt);
}

}  // namespace
}  // namespace sysfs
