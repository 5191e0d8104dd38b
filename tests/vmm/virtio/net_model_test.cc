#include <gmock/gmock.h>

#include "sysfs/base/bits.h"
#include "tests/support/fake_tree.h"
#include "tests/support/matchers.h"
#include "vmm/virtio/net/control.h"
#include "vmm/virtio/net/model.h"
#include "vmm/virtio/net/tap_plan.h"
#include "vmm/virtio/transport/common_config.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;
using test::FailsWith;
using test::IsOk;

TEST(NetModel, TheConfigurationHasWhatTheFeaturesPromise) {
  NetShape shape;
  shape.mac = {{0x52, 0x54, 0, 0x12, 0x34, 0x56}};
  shape.mtu = 9000;
  shape.pairs = 4;
  const DeviceModel model = NetModel(shape);
  EXPECT_EQ(model.queue_sizes.size(), 9u);
  EXPECT_EQ(model.features & (net::kMtu | net::kMultiQueue), net::kMtu | net::kMultiQueue);
  EXPECT_EQ(model.features & net::kCsum, 0u) << "a socket has no header to say it in";
  EXPECT_EQ(model.config[0], std::byte{0x52});
  EXPECT_EQ(model.config[5], std::byte{0x56});
  EXPECT_EQ(base::LoadLe<uint16_t>(model.config, 6), 1u);
  EXPECT_EQ(base::LoadLe<uint16_t>(NetConfig(shape, false), 6), 0u);
  EXPECT_EQ(base::LoadLe<uint16_t>(model.config, 8), 4u);
  EXPECT_EQ(base::LoadLe<uint16_t>(model.config, 10), 9000u);
  EXPECT_EQ(ControlQueue(shape, net::kMultiQueue), 8u);
  EXPECT_EQ(ControlQueue(shape, 0), 2u);
}

TEST(NetModel, AFeatureWithoutItsNeedsIsRefused) {
  NetShape shape;
  shape.offloads = true;
  const auto accepts = [&](uint64_t features) {
    CommonConfig registers(NetModel(shape), 4);
    registers.Write(20, Width::k1, 3);
    for (const unsigned word : {0u, 1u}) {
      registers.Write(8, Width::k4, word);
      registers.Write(12, Width::k4, (features | feature::kVersion1) >> (32 * word) & 0xffffffff);
    }
    registers.Write(20, Width::k1, 11);
    return registers.device_status() == 11;
  };
  EXPECT_TRUE(accepts(0));
  EXPECT_TRUE(accepts(net::kCsum | net::kHostTso4 | net::kGuestCsum | net::kGuestTso6));
  EXPECT_FALSE(accepts(net::kHostTso4));
  EXPECT_FALSE(accepts(net::kGuestTso4 | net::kCsum));
  EXPECT_FALSE(accepts(net::kControlMac));
  EXPECT_FALSE(accepts(net::kMultiQueue | net::kControl)) << "not offered";
}

TEST(NetHeader, WhatWasNotNegotiatedDoesNotReachTheHost) {
  const NetHeader all{1 | 2, NetHeader::kGsoTcp4, 54, 1448, 34, 16, 9};
  EXPECT_EQ(FromGuest(all, 0), NetHeader{});
  EXPECT_EQ(FromGuest(all, net::kCsum), (NetHeader{1, 0, 0, 0, 34, 16, 0}));
  EXPECT_EQ(FromGuest(all, net::kCsum | net::kHostTso6), (NetHeader{1, 0, 0, 0, 34, 16, 0}));
  EXPECT_EQ(FromGuest(all, net::kCsum | net::kHostTso4),
            (NetHeader{1, NetHeader::kGsoTcp4, 54, 1448, 34, 16, 0}));
  EXPECT_EQ(FromGuest({0, 3, 1, 1, 1, 1, 1}, ~uint64_t{0}), NetHeader{}) << "no such kind";
}

TEST(NetHeader, TheGuestGetsOnlyWhatItTakes) {
  EXPECT_TRUE(SuitsGuest({}, 0));
  EXPECT_FALSE(SuitsGuest({1}, 0));
  EXPECT_TRUE(SuitsGuest({1}, net::kGuestCsum));
  EXPECT_TRUE(SuitsGuest({2}, 0)) << "valid already: a hint";
  EXPECT_FALSE(SuitsGuest({1, NetHeader::kGsoTcp4}, net::kGuestCsum | net::kGuestTso6));
  EXPECT_TRUE(SuitsGuest({1, NetHeader::kGsoTcp4}, net::kGuestCsum | net::kGuestTso4));
  EXPECT_FALSE(SuitsGuest({0, 0x80}, ~uint64_t{0}));
}

class ControlTest : public testing::Test {
 protected:
  bool Do(std::initializer_list<unsigned> bytes) {
    std::vector<std::byte> command;
    for (const unsigned byte : bytes) command.push_back(static_cast<std::byte>(byte));
    return Control(command, 4, state_);
  }
  NetState state_{net::kControlRx | net::kControlVlan | net::kControlMac | net::kMultiQueue |
                      net::kControlOffloads | net::kGuestOffloads,
                  net::kGuestOffloads, 1, Mac{}};
};

TEST_F(ControlTest, CommandsChangeTheState) {
  EXPECT_TRUE(Do({0, 0, 1}));
  EXPECT_TRUE(state_.promiscuous);
  EXPECT_TRUE(Do({0, 1, 1}));
  EXPECT_TRUE(Do({1, 1, 2, 0, 0, 0, 0, 7}));
  EXPECT_EQ(state_.mac, (Mac{{2, 0, 0, 0, 0, 7}}));
  EXPECT_TRUE(Do({4, 0, 3, 0}));
  EXPECT_EQ(state_.pairs, 3u);
  EXPECT_TRUE(Do({5, 0, 2, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(state_.offloads, net::kGuestCsum);
  EXPECT_TRUE(Do({1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 9, 0, 0, 0, 0}));
  EXPECT_TRUE(Do({2, 0, 0xff, 0x0f}));
}

TEST_F(ControlTest, WhatMakesNoSenseIsRefusedAndChangesNothing) {
  const NetState before = state_;
  EXPECT_FALSE(Do({}));
  EXPECT_FALSE(Do({4}));
  EXPECT_FALSE(Do({4, 0}));
  EXPECT_FALSE(Do({4, 0, 0, 0})) << "no pair";
  EXPECT_FALSE(Do({4, 0, 5, 0})) << "more than there are";
  EXPECT_FALSE(Do({4, 0, 1, 0, 0}));
  EXPECT_FALSE(Do({4, 1, 1, 0})) << "receive-side scaling is not offered";
  EXPECT_FALSE(Do({1, 1, 1, 0, 0, 0, 0, 7})) << "the address of a group";
  EXPECT_FALSE(Do({1, 0, 0xff, 0xff, 0xff, 0xff}));
  EXPECT_FALSE(Do({1, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(Do({5, 0, 0x80, 0, 0, 0, 0, 0, 0, 0})) << "segments without checksums";
  EXPECT_FALSE(Do({5, 0, 0, 4, 0, 0, 0, 0, 0, 0})) << "not negotiated";
  EXPECT_FALSE(Do({2, 0, 0, 0x10}));
  EXPECT_FALSE(Do({0, 0, 2}));
  EXPECT_FALSE(Do({99, 0, 1}));
  state_.features = 0;
  EXPECT_FALSE(Do({4, 0, 1, 0})) << "not negotiated";
  state_.features = before.features;
  EXPECT_EQ(state_, before);
}

TEST(Mac, IsReadAndWritten) {
  const auto mac = ParseMac("52:54:00:aB:34:56");
  ASSERT_THAT(mac, IsOk());
  EXPECT_EQ(mac->Text(), "52:54:00:ab:34:56");
  for (const char* text :
       {"", "52:54:00:12:34", "52:54:00:12:34:5", "52-54-00-12-34-56", "52:54:00:12:34:5g",
        "53:54:00:12:34:56", "00:00:00:00:00:00", "52:54:00:12:34:56:", "525:4:00:12:34:56"}) {
    EXPECT_THAT(ParseMac(text), FailsWith(base::Code::kUsage)) << text;
  }
  const Mac random = RandomMac();
  EXPECT_EQ(random.bytes[0] & 3, 2);
}

TEST(TapPlan, ALookTellsWhatWillNotWork) {
  const InterfaceSnapshot one{true, 0x1002}, several{true, 0x5102}, tun{true, 0x1001};
  EXPECT_THAT(CheckInterface("tap0", one, 1), IsOk());
  EXPECT_THAT(CheckInterface("tap0", several, 4), IsOk());
  EXPECT_THAT(CheckInterface("tap0", several, 1), FailsWith(base::Code::kUnfit));
  EXPECT_THAT(CheckInterface("tap0", one, 2), FailsWith(base::Code::kUnfit));
  EXPECT_THAT(CheckInterface("tap0", tun, 1), FailsWith(base::Code::kUnfit));
  EXPECT_THAT(CheckInterface("eth0", {true, std::nullopt}, 1), FailsWith(base::Code::kUnfit));
  EXPECT_THAT(CheckInterface("tap9", {}, 1), FailsWith(base::Code::kNotFound));
  for (const char* name : {"", ".", "..", "a/b", "a b", "tap%d", "longer-than-them-all"}) {
    EXPECT_THAT(CheckInterface(name, {}, 1), FailsWith(base::Code::kUsage)) << name;
  }
}

TEST(TapPlan, TheHostIsLookedAt) {
  test::FakeTree tree;
  NetOptions options;
  options.link = TapLink{"tap0", true};
  EXPECT_THAT(CheckLink(tree, options), FailsWith(base::Code::kNotFound));
  tree.AddFile("/dev/net/tun", "");
  const auto no_vhost = CheckLink(tree, options);
  ASSERT_THAT(no_vhost, FailsWith(base::Code::kNotFound));
  EXPECT_THAT(no_vhost.error().hint(), testing::HasSubstr("modprobe vhost_net"));
  tree.AddFile("/dev/vhost-net", "");
  tree.AddFile("/sys/class/net/tap0/tun_flags", "0x1002\n");
  EXPECT_THAT(CheckLink(tree, options), IsOk());
  options.queues = 2;
  EXPECT_THAT(CheckLink(tree, options), FailsWith(base::Code::kUnfit));
  options.link = SocketLink{"/run/passt"};
  EXPECT_THAT(CheckLink(tree, options), FailsWith(base::Code::kNotFound));
  tree.AddFile("/run/passt", "");
  EXPECT_THAT(CheckLink(tree, options), IsOk());
  options.link = SocketLink{"/run/other", true};
  EXPECT_THAT(CheckLink(tree, options), IsOk());
}

}  // namespace
}  // namespace vmm::virtio
