#include <gmock/gmock.h>

#include "tests/support/matchers.h"
#include "tests/support/net_function.h"
#include "vmm/virtio/net/announcement.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/net/settings.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;
using test::Eventually;
using test::FailsWith;
using test::IsOk;
using testing::HasSubstr;

const Mac kMac{{2, 0, 0, 0, 9, 7}};

std::string AnnouncementText() {
  const auto frame = AnnouncementOf(kMac);
  return {reinterpret_cast<const char*>(frame.data()), frame.size()};
}

TEST(Announcement, IsAReverseRequestOfTheAddressAboutItselfToAll) {
  const std::string frame = AnnouncementText();
  ASSERT_EQ(frame.size(), 60u);
  const std::string mac("\x02\0\0\0\x09\x07", 6);
  EXPECT_EQ(frame.substr(0, 14), std::string(6, '\xff') + mac + "\x80\x35");
  EXPECT_EQ(frame.substr(14, 8), std::string("\0\1\x08\0\6\4\0\3", 8));
  EXPECT_EQ(frame.substr(22, 20), mac + std::string(4, '\0') + mac + std::string(4, '\0'));
}

TEST(NetSettings, StandbyNeedsAnAddress) {
  const auto pair = ParseNet({"tap", "mac=02:00:00:00:09:07", "standby=vf0"});
  ASSERT_THAT(pair, IsOk());
  EXPECT_EQ(pair->standby, "vf0");
  EXPECT_THAT(ParseNet({"tap", "standby=vf0"}), FailsWith(base::Code::kUsage, HasSubstr("mac=")));
  EXPECT_THAT(ParseNet({"tap", "standby="}), FailsWith(base::Code::kUsage, HasSubstr("standby=")));
}

class StandbyNetTest : public test::NetFunction {
 protected:
  StandbyNetTest() {
    NetShape shape;
    shape.mac = kMac;
    shape.standby = true;
    MakeStream(shape);
    net_->OnDriver([this](bool knows) { drivers_seen_.push_back(knows); });
  }
  std::vector<bool> DriversSeen() {
    std::vector<bool> seen;
    OnIo([&] { seen = drivers_seen_; });
    return seen;
  }
  std::vector<bool> drivers_seen_;  // on the I/O thread
};

TEST_F(StandbyNetTest, TellsWhetherTheDriverKnows) {
  EXPECT_NE(net_->model().features & net::kStandby, 0u);
  EXPECT_EQ(net_->model().features & net::kControlMac, 0u) << "one address for both";
  StartNet(net::kMac);
  StartNet(net::kMac | net::kStandby);
  EXPECT_TRUE(Eventually([&] { return DriversSeen() == std::vector<bool>{false, true}; }));
}

TEST_F(StandbyNetTest, OffTheWireNothingIsReadAndTheGuestSeesNoLink) {
  StartNet(net::kMac | net::kStatus | net::kStandby);
  EXPECT_TRUE(LinkIsUp());
  AddBuffer();
  OnIo([&] { net_->SetLink(false); });
  EXPECT_FALSE(LinkIsUp());
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("late"))));
  OnIo([] {});
  EXPECT_EQ(Counters().received, 0u);
  OnIo([&] { net_->SetLink(true); });
  EXPECT_TRUE(LinkIsUp());
  EXPECT_EQ(Receive(), test::FrameOf("late"));
}

// A frame that came before any buffer, and a buffer that came while the link was down.
TEST_F(StandbyNetTest, GoesOnWithWhatCameBefore) {
  StartNet(net::kMac | net::kStatus | net::kStandby);
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("early"))));
  OnIo([] {});
  OnIo([&] { net_->SetLink(false); });
  AddBuffer();
  OnIo([] {});
  EXPECT_EQ(Counters().received, 0u);
  OnIo([&] { net_->SetLink(true); });
  EXPECT_EQ(Receive(), test::FrameOf("early"));
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("next"))));
  EXPECT_EQ(Receive(), test::FrameOf("next"));
}

TEST_F(StandbyNetTest, AnnouncesItselfThreeTimesWhileADriverIsThere) {
  OnIo([&] { net_->Announce(); });  // nobody is there
  StartNet(net::kMac | net::kStandby);
  OnIo([&] { net_->Announce(); });
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(PeerReadsFrame(), AnnouncementText());
  ASSERT_TRUE(Offer(test::FrameOf("next")));
  EXPECT_EQ(PeerReadsFrame(), test::FrameOf("next")) << "three, not more";
}

}  // namespace
}  // namespace vmm::virtio
