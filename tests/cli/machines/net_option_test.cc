#include <gmock/gmock.h>

#include "cli/machines/plan_output.h"
#include "sysfs/base/text.h"
#include "tests/support/matchers.h"
#include "vmm/virtio/net/settings.h"

namespace cli {
namespace {

using test::IsOk;
using testing::HasSubstr;

base::Result<vmm::virtio::NetOptions> ParseNet(std::string_view text) {
  return vmm::virtio::ParseNet(base::Split(text, ','));
}

TEST(NetOption, ATapHasItsDefaults) {
  const auto net = ParseNet("tap");
  ASSERT_THAT(net, IsOk());
  EXPECT_EQ(std::get<vmm::virtio::TapLink>(net->link), vmm::virtio::TapLink{});
  EXPECT_EQ(net->queues, 1u);
  EXPECT_FALSE(net->mac);
  EXPECT_FALSE(net->mtu);
}

TEST(NetOption, EverythingCanBeSaid) {
  const auto tap = ParseNet("tap,ifname=tap0,mac=52:54:00:12:34:56,queues=4,vhost=on,mtu=9000");
  ASSERT_THAT(tap, IsOk());
  EXPECT_EQ(std::get<vmm::virtio::TapLink>(tap->link), (vmm::virtio::TapLink{"tap0", true}));
  EXPECT_EQ(tap->mac->Text(), "52:54:00:12:34:56");
  EXPECT_EQ(tap->queues, 4u);
  EXPECT_EQ(tap->mtu, 9000);
  EXPECT_FALSE(tap->packed);
  const auto socket = ParseNet("socket,listen,path=/run/passt.sock,packed=on");
  ASSERT_THAT(socket, IsOk());
  EXPECT_TRUE(socket->packed);
  EXPECT_EQ(std::get<vmm::virtio::SocketLink>(socket->link),
            (vmm::virtio::SocketLink{"/run/passt.sock", true}));
}

TEST(NetOption, ThePlanShowsIt) {
  vmm::Options options;
  options.nets = {*ParseNet("tap,ifname=tap0,vhost=on,mtu=1400"),
                  *ParseNet("socket,path=/x,packed=on")};
  vmm::MachinePreview preview;
  preview.nets = {{"net0", 1}, {"net1", 2}};
  const std::string text = PreviewText(options, preview, false);
  EXPECT_THAT(text, HasSubstr("Network net0\n  link          tap tap0, worked off by the host's "
                              "kernel (vhost)\n  in the guest  behind port1, can be unplugged\n"));
  EXPECT_THAT(text, HasSubstr("MTU           1400"));
  EXPECT_THAT(text, HasSubstr("Network net1\n  link          socket /x\n"));
  EXPECT_THAT(text, HasSubstr("queues        1, packed where the driver knows them"));
  EXPECT_EQ(PreviewJson(options, preview)["nets"][1]["path"], "/x");
  EXPECT_EQ(PreviewJson(options, preview)["nets"][0]["packed"], false);
  EXPECT_EQ(PreviewJson(options, preview)["nets"][1]["packed"], true);
  EXPECT_TRUE(PreviewJson(options, preview)["nets"][1]["mac"].is_null());
}

}  // namespace
}  // namespace cli
