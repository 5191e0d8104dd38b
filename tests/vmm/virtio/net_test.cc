#include "vmm/virtio/net/net.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/un.h>

#include <cerrno>
#include <thread>

#include "tests/support/fake_kernel.h"
#include "tests/support/matchers.h"
#include "tests/support/net_function.h"
#include "tests/support/temp_folder.h"
#include "vmm/virtio/net/tap.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;
using test::Eventually;
using test::FailsWith;
using test::IsOk;

class NetRateTest : public test::NetFunction {};

// Both directions have the rate each; the frames that wait come in their order, none is lost.
TEST_F(NetRateTest, HoldsInEachDirection) {
  MakeStream({}, 10'000);
  StartNet(0);
  const std::string text(486, 'x');  // 500 bytes in a frame
  const auto begin = std::chrono::steady_clock::now();
  std::string many;
  for (unsigned i = 0; i < 10; ++i) many += Framed(test::FrameOf(text));
  ASSERT_TRUE(PeerSends(many));
  for (unsigned i = 0; i < 10; ++i) {
    ASSERT_TRUE(Offer(test::FrameOf(text)));
    EXPECT_EQ(PeerReadsFrame(), test::FrameOf(text));
    EXPECT_TRUE(Reaps(1));
    AddBuffer();
    ASSERT_EQ(Receive(), test::FrameOf(text));
  }
  // 5,000 bytes, of which 1,000 and one frame at once.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(300));
  EXPECT_EQ(Counters().receive_drops, 0u);
}

class StreamNetTest : public test::NetFunction {
 protected:
  StreamNetTest() { MakeStream(); }
};

TEST_F(StreamNetTest, FramesGoBothWays) {
  StartNet(net::kMac | net::kStatus | net::kControl);
  ASSERT_TRUE(Offer(test::FrameOf("to the peer")));
  EXPECT_EQ(PeerReadsFrame(), test::FrameOf("to the peer"));
  EXPECT_TRUE(Reaps(1));
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("to the guest"))));
  EXPECT_EQ(Receive(), test::FrameOf("to the guest"));
  EXPECT_EQ(header_, (NetHeader{0, 0, 0, 0, 0, 0, 1}));
  const NetCounters counters = Counters();
  EXPECT_EQ(counters.sent, 1u);
  EXPECT_EQ(counters.received, 1u);
}

TEST_F(StreamNetTest, AFrameWaitsForABuffer) {
  StartNet(0);
  std::string many;
  for (unsigned i = 0; i < 100; ++i) many += Framed(test::FrameOf(std::to_string(i)));
  ASSERT_TRUE(PeerSends(many));
  for (unsigned i = 0; i < 100; ++i) {
    AddBuffer();
    ASSERT_EQ(Receive(), test::FrameOf(std::to_string(i)));
  }
  EXPECT_EQ(Counters().receive_drops, 0u);
}

TEST_F(StreamNetTest, AFrameInPiecesIsOneFrame) {
  StartNet(0);
  AddBuffer();
  const std::string bytes = Framed(test::FrameOf(std::string(1000, 'x')));
  for (const char byte : bytes) ASSERT_TRUE(PeerSends({&byte, 1}));
  EXPECT_EQ(Receive(), test::FrameOf(std::string(1000, 'x')));
}

TEST_F(StreamNetTest, ABufferThatIsTooSmallComesBackEmpty) {
  StartNet(0);
  AddBuffer(40);
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf(std::string(100, 'x')))));
  EXPECT_EQ(Receive(), "nothing");
  EXPECT_EQ(Counters().receive_drops, 1u);
  // Neither is one that is no RAM.
  ASSERT_TRUE(drivers_[0]->Add({{0x10, 2048, true}}, 1, false));
  Kick(0);
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("lost"))));
  EXPECT_EQ(Receive(), "nothing");
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("found"))));
  EXPECT_EQ(Receive(), test::FrameOf("found"));
}

TEST_F(StreamNetTest, WhatIsNoFrameIsNotSent) {
  StartNet(0);
  ASSERT_TRUE(Offer("short"));
  EXPECT_TRUE(Reaps(1));
  ASSERT_TRUE(drivers_[1]->Add({{kTransmitData, 4, false}}, 1, false));
  ASSERT_TRUE(drivers_[1]->Add({{0x10, 2048, false}}, 1, false));
  ASSERT_TRUE(drivers_[1]->Add({{kTransmitData, 0x7fffffff, false}}, 1, false));
  ASSERT_TRUE(drivers_[1]->Add({{kTransmitData, 100, true}}, 1, false));
  Kick(1);
  for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(Reaps(1));
  EXPECT_EQ(Counters().send_drops, 5u);
  ASSERT_TRUE(Offer(test::FrameOf("fine")));
  EXPECT_EQ(PeerReadsFrame(), test::FrameOf("fine"));
}

// The peer reads nothing: the guest's buffers come back as long as there is room, then the ring
// waits, and all comes through whole when the peer reads again.
TEST_F(StreamNetTest, APeerThatDoesNotReadHoldsTheRingAlone) {
  StartNet(0);
  const std::string frame = test::FrameOf(std::string(1500, 'y'));
  unsigned offered = 0;
  unsigned returned = 0;
  while (offered < 5000 && Offer(frame)) {
    ++offered;
    OnIo([] {});
    while (drivers_[1]->Reap()) ++returned;
  }
  ASSERT_LT(offered, 5000u) << "the socket takes everything";
  EXPECT_LT(returned, offered);
  // Everything else goes on.
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("in"))));
  EXPECT_EQ(Receive(), test::FrameOf("in"));
  for (unsigned i = 0; i < offered; ++i) ASSERT_EQ(PeerReadsFrame(), frame) << i;
  EXPECT_TRUE(Eventually([&] {
    while (drivers_[1]->Reap()) ++returned;
    return returned == offered;
  }));
  EXPECT_EQ(Counters().send_drops, 0u);
}

TEST_F(StreamNetTest, AResetWhileThePeerDoesNotReadKeepsTheStreamWhole) {
  StartNet(0);
  const std::string frame = test::FrameOf(std::string(1500, 'y'));
  unsigned offered = 0;
  while (offered < 5000 && Offer(frame)) {
    ++offered;
    OnIo([] {});
    while (drivers_[1]->Reap()) {
    }
  }
  StartNet(0);
  ASSERT_TRUE(Offer(test::FrameOf("after")));
  for (unsigned i = 0; i < offered; ++i) {
    const std::string got = PeerReadsFrame();
    if (got == test::FrameOf("after")) return;
    ASSERT_EQ(got, frame);
  }
  FAIL() << "the frame after the reset never came";
}

TEST_F(StreamNetTest, APeerThatEndsIsALinkThatIsDown) {
  StartNet(net::kStatus);
  AddBuffer();
  EXPECT_TRUE(LinkIsUp());
  peer_ = base::Fd();
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40)));
  EXPECT_FALSE(LinkIsUp());
  ASSERT_TRUE(Offer(test::FrameOf("into nothing")));
  EXPECT_TRUE(Reaps(1));
  StartNet(net::kStatus);
  EXPECT_FALSE(LinkIsUp());
}

TEST_F(StreamNetTest, APeerThatSendsNoFramesIsLetGo) {
  for (const char* prefix : {"\x00\x00\x00\x00", "\x00\x01\x10\x01", "HTTP"}) {
    if (function_) function_->Disconnect();
    MakeStream();
    StartNet(0);
    ASSERT_TRUE(LinkIsUp());
    ASSERT_TRUE(PeerSends({prefix, 4}));
    EXPECT_TRUE(Eventually([&] { return !LinkIsUp(); }));
  }
}

TEST_F(StreamNetTest, ThePeerGoesWhileAFrameIsKept) {
  StartNet(net::kStatus);
  while (Offer(test::FrameOf(std::string(1500, 'y')))) {
    OnIo([] {});
    while (drivers_[1]->Reap()) {
    }
  }
  peer_ = base::Fd();
  EXPECT_TRUE(Eventually([&] { return !LinkIsUp(); }));
  // The ring is worked off again, into nothing.
  EXPECT_TRUE(Eventually([&] {
    while (drivers_[1]->Reap()) {
    }
    return drivers_[1]->in_flight() == 0;
  }));
}

TEST_F(StreamNetTest, AQueueIsResetAloneAndWithoutBusMasteringNothingMoves) {
  StartNet(0);
  Write(22, Width::k2, 0);
  Write(58, Width::k2, 1);
  EXPECT_TRUE(Eventually([&] { return Read(58, Width::k2) == 0; }));
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("one"))));
  OnIo([] {});
  SetUp(0);
  AddBuffer();
  EXPECT_EQ(Receive(), test::FrameOf("one"));
  SetCommand(pci::kCommandMemory);
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(test::FrameOf("two"))));
  OnIo([] {});
  OnIo([] {});
  EXPECT_FALSE(drivers_[0]->Reap());
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  EXPECT_EQ(Receive(), test::FrameOf("two"));
}

TEST_F(StreamNetTest, CommandsAreAnsweredAtOnce) {
  StartNet(net::kControl | net::kControlRx | net::kControlMac);
  EXPECT_EQ(Command({0, 0, 1}), 0);
  EXPECT_EQ(Command({1, 1, 2, 0, 0, 0, 0, 9}), 0);
  EXPECT_EQ(Command({4, 0, 1, 0}), 1) << "not negotiated";
  EXPECT_EQ(Command({7}), 1);
  OnIo([&] { EXPECT_EQ(net_->state().mac, (Mac{{2, 0, 0, 0, 0, 9}})); });
  // No room for the answer, and a command without end.
  ASSERT_TRUE(drivers_[2]->Add({{kControlData, 3, false}}, 1, false));
  ASSERT_TRUE(drivers_[2]->Add({{kBase, 0x8000, false}, {kControlData, 1, true}}, 1, false));
  Kick(2);
  uint32_t written = 9;
  ASSERT_TRUE(Reaps(2, &written));
  EXPECT_EQ(written, 0u);
  ASSERT_TRUE(Reaps(2, &written));
  EXPECT_EQ(written, 1u);
}

TEST(StreamPort, TwoOfThemMeet) {
  const test::TempFolder folder;
  const std::string path = folder.path() + "/socket";
  EXPECT_THAT(StreamPort::Create({path, false}), FailsWith(base::Code::kNotFound));
  auto server = StreamPort::Create({path, true});
  ASSERT_THAT(server, IsOk());
  EXPECT_FALSE((*server)->connected());
  EXPECT_THAT(StreamPort::Create({path, true}), FailsWith(base::Code::kInUse));
  auto client = StreamPort::Create({path, false});
  ASSERT_THAT(client, IsOk());
  NetFrame frame;
  EXPECT_EQ((*server)->Receive(frame), Received::kChanged);
  EXPECT_TRUE((*server)->connected());
  std::string bytes = test::FrameOf("hello");
  const iovec one{bytes.data(), bytes.size()};
  EXPECT_EQ((*client)->Send({}, {&one, 1}), Sent::kDone);
  ASSERT_EQ((*server)->Receive(frame), Received::kFrame);
  EXPECT_EQ(std::memcmp(frame.bytes.data(), bytes.data(), bytes.size()), 0);
  // Another peer comes after the first.
  client->reset();
  EXPECT_EQ((*server)->Receive(frame), Received::kChanged);
  EXPECT_FALSE((*server)->connected());
  client = StreamPort::Create({path, false});
  EXPECT_EQ((*server)->Receive(frame), Received::kChanged);
  EXPECT_TRUE((*server)->connected());
  server->reset();
  EXPECT_EQ(::access(path.c_str(), F_OK), -1) << "the socket's name goes with its owner";
}

TEST(StreamPort, BadPathsAreNamed) {
  EXPECT_THAT(StreamPort::Create({"", false}), FailsWith(base::Code::kUsage));
  EXPECT_THAT(StreamPort::Create({std::string(200, 'x'), true}), FailsWith(base::Code::kUsage));
  EXPECT_THAT(StreamPort::Create({"/no/such/folder/socket", true}),
              FailsWith(base::Code::kNotFound));
  const test::TempFolder folder;
  const std::string file = folder.path() + "/file";
  ASSERT_EQ(base::OpenFile(file, O_WRONLY | O_CREAT, 0600).has_value(), true);
  EXPECT_THAT(StreamPort::Create({file, false}), FailsWith(base::Code::kNotFound));
}

}  // namespace
}  // namespace vmm::virtio
