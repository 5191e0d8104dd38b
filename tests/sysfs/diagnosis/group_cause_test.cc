#include "sysfs/diagnosis/group_cause.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_tree.h"

namespace sysfs {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr uint16_t kAllServices = 0x1f;

Hop MakeHop(HopKind kind, std::optional<AccessControl> acs, bool multifunction = false) {
  return {*PciAddress::Parse("0000:00:1c.0"), kind, multifunction, true, acs};
}

TEST(GroupCause, PortsIsolateWithAllTheirServicesOn) {
  const AccessControl on = {kAllServices, kAllServices};
  for (const HopKind kind : {HopKind::kRootPort, HopKind::kDownstream}) {
    EXPECT_TRUE(Isolates(MakeHop(kind, on)));
    EXPECT_FALSE(Isolates(MakeHop(kind, AccessControl{kAllServices, 0})));
    EXPECT_FALSE(Isolates(MakeHop(kind, std::nullopt)));
    // What a port does not have it cannot get wrong (pci_acs_flags_enabled).
    EXPECT_TRUE(Isolates(MakeHop(kind, AccessControl{0, 0})));
  }
}

TEST(GroupCause, OtherFunctionsNeedItOnlyBesideOthers) {
  for (const HopKind kind : {HopKind::kUpstream, HopKind::kEndpoint}) {
    EXPECT_TRUE(Isolates(MakeHop(kind, std::nullopt)));
    EXPECT_FALSE(Isolates(MakeHop(kind, std::nullopt, true)));
  }
}

TEST(GroupCause, AConventionalBusNeverIsolates) {
  EXPECT_FALSE(
      Isolates(MakeHop(HopKind::kConventional, AccessControl{kAllServices, kAllServices})));
}

TEST(GroupCause, NamesTheHopNearestToTheRoot) {
  Hop port = MakeHop(HopKind::kRootPort, std::nullopt);
  Hop bridge = MakeHop(HopKind::kConventional, std::nullopt);
  bridge.address = *PciAddress::Parse("0000:05:00.0");
  bool unreadable = true;
  EXPECT_EQ(ExplainGroup({port, bridge}, unreadable),
            "0000:00:1c.0 (root port) has no Access Control Services: what is below it shares the "
            "group");
  EXPECT_FALSE(unreadable);
  port.acs = AccessControl{kAllServices, kAllServices};
  EXPECT_THAT(*ExplainGroup({port, bridge}, unreadable), HasSubstr("0000:05:00.0 (conventional"));
}

TEST(GroupCause, NamesTheServicesThatAreOff) {
  bool unreadable = false;
  const auto text =
      ExplainGroup({MakeHop(HopKind::kDownstream, AccessControl{kAllServices, 0x5})}, unreadable);
  EXPECT_THAT(*text, HasSubstr("has Completion Redirect, Upstream Forwarding switched off"));
}

TEST(GroupCause, AHopThatCannotBeReadIsSaid) {
  bool unreadable = false;
  Hop hidden = MakeHop(HopKind::kRootPort, std::nullopt);
  hidden.readable = false;
  EXPECT_EQ(ExplainGroup({hidden}, unreadable), std::nullopt);
  EXPECT_TRUE(unreadable);
  EXPECT_EQ(ExplainGroup({}, unreadable), std::nullopt);
}

// A configuration space with the PCI Express capability of this port type, and Access Control
// Services at 0x100 when wanted.
std::vector<std::byte> MakeConfig(unsigned port_type, bool acs) {
  std::vector<std::byte> config(4096);
  const auto set = [&](size_t at, unsigned value) {
    config.at(at) = static_cast<std::byte>(value);
  };
  set(0, 0x86), set(1, 0x80);
  set(0x06, 0x10);  // has a list of capabilities
  set(0x0e, 0x81);  // a bridge of a multifunction device
  set(0x34, 0x40);
  set(0x40, 0x10), set(0x42, 0x02 | port_type << 4);
  if (acs) {
    set(0x100, 0x0d), set(0x102, 0x01);
    set(0x104, 0x1f), set(0x106, 0x1d);
  }
  return config;
}

class ReadPathTest : public testing::Test {
 protected:
  ReadPathTest() {
    tree_.AddDevice({.bdf = "0000:00:1c.0", .class_code = 0x060400});
    tree_.AddDevice({.bdf = "0000:08:00.0", .parent = "0000:00:1c.0"});
  }
  std::vector<Hop> Read() {
    return ReadPath(tree_, *ReadDevice(tree_, *PciAddress::Parse("0000:08:00.0")));
  }
  test::FakeTree tree_;
  const std::string port_ = "/sys/bus/pci/devices/0000:00:1c.0";
};

TEST_F(ReadPathTest, FromTheRootToTheDevice) {
  tree_.AddBytes(port_ + "/config", MakeConfig(4, true));
  const auto path = Read();
  ASSERT_THAT(path, SizeIs(2));
  EXPECT_EQ(path[0].address.ToString(), "0000:00:1c.0");
  EXPECT_EQ(path[0].kind, HopKind::kRootPort);
  EXPECT_TRUE(path[0].multifunction);
  ASSERT_TRUE(path[0].acs.has_value());
  EXPECT_EQ(path[0].acs->capability, 0x1f);
  EXPECT_EQ(path[0].acs->control, 0x1d);
  EXPECT_FALSE(path[1].readable);
}

TEST_F(ReadPathTest, KindsOfPorts) {
  const std::vector<std::pair<unsigned, HopKind>> kinds = {
      {0, HopKind::kEndpoint},   {4, HopKind::kRootPort},     {5, HopKind::kUpstream},
      {6, HopKind::kDownstream}, {7, HopKind::kConventional}, {8, HopKind::kConventional}};
  for (const auto& [type, kind] : kinds) {
    tree_.AddBytes(port_ + "/config", MakeConfig(type, false));
    EXPECT_EQ(Read().at(0).kind, kind) << type;
    EXPECT_FALSE(Read().at(0).acs.has_value());
  }
}

TEST_F(ReadPathTest, ABridgeWithoutPciExpressIsConventional) {
  auto config = MakeConfig(4, false);
  config[0x06] = std::byte{0};
  tree_.AddBytes(port_ + "/config", config);
  EXPECT_EQ(Read().at(0).kind, HopKind::kConventional);
}

TEST_F(ReadPathTest, ASleepingPortIsLeftAlone) {
  tree_.AddBytes(port_ + "/config", MakeConfig(4, true));
  tree_.AddFile(port_ + "/power/runtime_status", "suspended");
  EXPECT_FALSE(Read().at(0).readable);
}

TEST_F(ReadPathTest, TheHeaderAloneIsNotEnough) {
  tree_.AddBytes(port_ + "/config", std::vector<std::byte>(64));
  EXPECT_FALSE(Read().at(0).readable);
}

}  // namespace
}  // namespace sysfs
