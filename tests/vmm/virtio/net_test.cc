#include "vmm/virtio/net/net.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
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

std::string Frame(std::string_view text) {
  std::string frame("\xff\xff\xff\xff\xff\xff\x52\x54\x00\x00\x00\x01\x88\xb5", 14);
  return frame.append(text);
}

// Both directions have the rate each; the frames that wait come in their order, none is lost.
TEST_F(NetRateTest, HoldsInEachDirection) {
  MakeStream({}, 10'000);
  StartNet(0);
  const std::string text(486, 'x');  // 500 bytes in a frame
  const auto begin = std::chrono::steady_clock::now();
  std::string many;
  for (unsigned i = 0; i < 10; ++i) many += Framed(Frame(text));
  ASSERT_TRUE(PeerSends(many));
  for (unsigned i = 0; i < 10; ++i) {
    ASSERT_TRUE(Offer(Frame(text)));
    EXPECT_EQ(PeerReadsFrame(), Frame(text));
    EXPECT_TRUE(Reaps(1));
    AddBuffer();
    ASSERT_EQ(Receive(), Frame(text));
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
  ASSERT_TRUE(Offer(Frame("to the peer")));
  EXPECT_EQ(PeerReadsFrame(), Frame("to the peer"));
  EXPECT_TRUE(Reaps(1));
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(Frame("to the guest"))));
  EXPECT_EQ(Receive(), Frame("to the guest"));
  EXPECT_EQ(header_, (NetHeader{0, 0, 0, 0, 0, 0, 1}));
  const NetCounters counters = Counters();
  EXPECT_EQ(counters.sent, 1u);
  EXPECT_EQ(counters.received, 1u);
}

TEST_F(StreamNetTest, AFrameWaitsForABuffer) {
  StartNet(0);
  std::string many;
  for (unsigned i = 0; i < 100; ++i) many += Framed(Frame(std::to_string(i)));
  ASSERT_TRUE(PeerSends(many));
  for (unsigned i = 0; i < 100; ++i) {
    AddBuffer();
    ASSERT_EQ(Receive(), Frame(std::to_string(i)));
  }
  EXPECT_EQ(Counters().receive_drops, 0u);
}

TEST_F(StreamNetTest, AFrameInPiecesIsOneFrame) {
  StartNet(0);
  AddBuffer();
  const std::string bytes = Framed(Frame(std::string(1000, 'x')));
  for (const char byte : bytes) ASSERT_TRUE(PeerSends({&byte, 1}));
  EXPECT_EQ(Receive(), Frame(std::string(1000, 'x')));
}

TEST_F(StreamNetTest, ABufferThatIsTooSmallComesBackEmpty) {
  StartNet(0);
  AddBuffer(40);
  ASSERT_TRUE(PeerSends(Framed(Frame(std::string(100, 'x')))));
  EXPECT_EQ(Receive(), "nothing");
  EXPECT_EQ(Counters().receive_drops, 1u);
  // Neither is one that is no RAM.
  ASSERT_TRUE(drivers_[0]->Add({{0x10, 2048, true}}, 1, false));
  Kick(0);
  ASSERT_TRUE(PeerSends(Framed(Frame("lost"))));
  EXPECT_EQ(Receive(), "nothing");
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(Frame("found"))));
  EXPECT_EQ(Receive(), Frame("found"));
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
  ASSERT_TRUE(Offer(Frame("fine")));
  EXPECT_EQ(PeerReadsFrame(), Frame("fine"));
}

// The peer reads nothing: the guest's buffers come back as long as there is room, then the ring
// waits, and all comes through whole when the peer reads again.
TEST_F(StreamNetTest, APeerThatDoesNotReadHoldsTheRingAlone) {
  StartNet(0);
  const std::string frame = Frame(std::string(1500, 'y'));
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
  ASSERT_TRUE(PeerSends(Framed(Frame("in"))));
  EXPECT_EQ(Receive(), Frame("in"));
  for (unsigned i = 0; i < offered; ++i) ASSERT_EQ(PeerReadsFrame(), frame) << i;
  EXPECT_TRUE(Eventually([&] {
    while (drivers_[1]->Reap()) ++returned;
    return returned == offered;
  }));
  EXPECT_EQ(Counters().send_drops, 0u);
}

TEST_F(StreamNetTest, AResetWhileThePeerDoesNotReadKeepsTheStreamWhole) {
  StartNet(0);
  const std::string frame = Frame(std::string(1500, 'y'));
  unsigned offered = 0;
  while (offered < 5000 && Offer(frame)) {
    ++offered;
    OnIo([] {});
    while (drivers_[1]->Reap()) {
    }
  }
  StartNet(0);
  ASSERT_TRUE(Offer(Frame("after")));
  for (unsigned i = 0; i < offered; ++i) {
    const std::string got = PeerReadsFrame();
    if (got == Frame("after")) return;
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
  ASSERT_TRUE(Offer(Frame("into nothing")));
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
  while (Offer(Frame(std::string(1500, 'y')))) {
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
  ASSERT_TRUE(PeerSends(Framed(Frame("one"))));
  OnIo([] {});
  SetUp(0);
  AddBuffer();
  EXPECT_EQ(Receive(), Frame("one"));
  SetCommand(pci::kCommandMemory);
  AddBuffer();
  ASSERT_TRUE(PeerSends(Framed(Frame("two"))));
  OnIo([] {});
  OnIo([] {});
  EXPECT_FALSE(drivers_[0]->Reap());
  SetCommand(pci::kCommandMemory | pci::kCommandMaster);
  EXPECT_EQ(Receive(), Frame("two"));
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
  std::string bytes = Frame("hello");
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

// A pair of sockets that keep the borders of messages, in place of a tap.
class TapNetTest : public test::NetFunction {
 protected:
  TapNetTest() {
    kernel_.On("TUNSETOFFLOAD", [this](unsigned long, void* argument) {
      offloads_.push_back(reinterpret_cast<uintptr_t>(argument));
      return 0;
    });
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    peer_ = base::Fd(ends[1]);
    ::fcntl(peer_.raw(), F_SETFL, 0);
    auto port = TapPort::Adopt(kernel_, base::Fd(ends[0]), "tap0", false);
    EXPECT_THAT(port, IsOk());
    NetShape shape;
    shape.offloads = true;
    std::vector<std::unique_ptr<NetPort>> ports;
    ports.push_back(std::move(*port));
    MakeNet(shape, std::move(ports));
  }
  std::pair<NetHeader, std::string> PeerTakes() {
    std::string bytes(4096, '\0');
    const ssize_t got = ::recv(peer_.raw(), bytes.data(), bytes.size(), 0);
    NetHeader header;
    if (got < static_cast<ssize_t>(sizeof header)) return {header, "nothing"};
    std::memcpy(&header, bytes.data(), sizeof header);
    return {header, bytes.substr(sizeof header, static_cast<size_t>(got) - sizeof header)};
  }
  bool PeerGives(const NetHeader& header, std::string_view frame) {
    return PeerSends(
        std::string(reinterpret_cast<const char*>(&header), sizeof header).append(frame));
  }
  std::vector<uintptr_t> Offloads() {
    std::vector<uintptr_t> offloads;
    OnIo([&] { offloads = offloads_; });
    return offloads;
  }
  test::ScriptedKernel kernel_;
  std::vector<uintptr_t> offloads_;
};

TEST_F(TapNetTest, HeadersGoAlongAsFarAsNegotiated) {
  const NetHeader tcp{1, NetHeader::kGsoTcp4, 54, 1000, 34, 16, 0};
  StartNet(net::kCsum | net::kHostTso4 | net::kGuestCsum | net::kGuestTso4);
  EXPECT_THAT(Offloads(), testing::ElementsAre(uintptr_t{TUN_F_CSUM | TUN_F_TSO4}));
  ASSERT_TRUE(Offer(Frame("a segment"), tcp));
  EXPECT_EQ(PeerTakes(), std::pair(tcp, Frame("a segment")));
  AddBuffer();
  ASSERT_TRUE(PeerGives(tcp, Frame("another")));
  EXPECT_EQ(Receive(), Frame("another"));
  EXPECT_EQ(header_.gso_size, 1000u);
  EXPECT_EQ(header_.buffers, 1u);
  // The next driver takes nothing: neither does the host ask it to.
  StartNet(0);
  EXPECT_THAT(Offloads(), testing::ElementsAre(uintptr_t{TUN_F_CSUM | TUN_F_TSO4}, 0u, 0u));
  ASSERT_TRUE(Offer(Frame("plain"), tcp));
  EXPECT_EQ(PeerTakes(), std::pair(NetHeader{}, Frame("plain")));
  AddBuffer();
  ASSERT_TRUE(PeerGives(tcp, Frame("from before")));
  ASSERT_TRUE(PeerGives({}, Frame("plain")));
  EXPECT_EQ(Receive(), Frame("plain"));
  EXPECT_EQ(Counters().receive_drops, 1u);
}

TEST_F(TapNetTest, OffloadsAreSwitchedByCommand) {
  StartNet(net::kGuestCsum | net::kGuestTso4 | net::kControl | net::kControlOffloads);
  EXPECT_EQ(Command({5, 0, 2, 0, 0, 0, 0, 0, 0, 0}), 0);
  EXPECT_THAT(Offloads(),
              testing::ElementsAre(uintptr_t{TUN_F_CSUM | TUN_F_TSO4}, uintptr_t{TUN_F_CSUM}));
}

TEST_F(TapNetTest, AFullQueueHoldsTheRingAlone) {
  StartNet(0);
  unsigned offered = 0;
  while (offered < 5000 && Offer(Frame(std::to_string(offered)))) {
    ++offered;
    OnIo([] {});
    while (drivers_[1]->Reap()) {
    }
  }
  ASSERT_LT(offered, 5000u);
  // Those in the ring share their memory: the last one's text is in all of them.
  for (unsigned i = 0; i < offered; ++i) ASSERT_NE(PeerTakes().second, "nothing");
  EXPECT_TRUE(Eventually([&] {
    while (drivers_[1]->Reap()) {
    }
    return drivers_[1]->in_flight() == 0;
  }));
}

TEST_F(TapNetTest, AnInterfaceThatGoesIsALinkThatIsDown) {
  StartNet(net::kStatus);
  AddBuffer();
  peer_ = base::Fd();
  EXPECT_TRUE(TakeInterrupt(EventOf(0x40)));
  EXPECT_FALSE(LinkIsUp());
  ASSERT_TRUE(Offer(Frame("into nothing")));
  EXPECT_TRUE(Reaps(1));
}

class OpenTapTest : public testing::Test {
 protected:
  OpenTapTest() {
    kernel_.Reply("TUNSETVNETHDRSZ", 0);
    kernel_.Reply("TUNSETOFFLOAD", 0);
    kernel_.Reply("TUNSETQUEUE", 0);
    kernel_.On("TUNSETIFF", [this](unsigned long, void* argument) {
      auto* const request = static_cast<ifreq*>(argument);
      flags_ = static_cast<uint16_t>(request->ifr_flags);
      if (std::string(request->ifr_name) == "vmm%d") std::strcpy(request->ifr_name, "vmm7");
      return attach_;
    });
  }
  test::ScriptedKernel kernel_;
  uint16_t flags_ = 0;
  int attach_ = 0;
};

TEST_F(OpenTapTest, EachQueueIsADescriptor) {
  const auto one = OpenTap(kernel_, "tap0", 1);
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(flags_, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  const auto three = OpenTap(kernel_, "", 3);
  ASSERT_THAT(three, IsOk());
  EXPECT_EQ(three->size(), 3u);
  EXPECT_EQ(three->back()->name(), "vmm7");
  EXPECT_EQ(flags_, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
  kernel_.ClearJournal();
  EXPECT_THAT(three->back()->SetActive(true), IsOk());
  EXPECT_THAT(three->back()->SetActive(false), IsOk());
  EXPECT_THAT(one->front()->SetActive(false), IsOk());
  EXPECT_THAT(kernel_.journal(), testing::ElementsAre("TUNSETQUEUE")) << "only what changes";
}

TEST_F(OpenTapTest, WhatIsMissingHasACure) {
  const auto failure = [&](int err, const char* name) {
    attach_ = -err;
    auto result = OpenTap(kernel_, name, 1);
    EXPECT_FALSE(result);
    return result ? base::Error(base::Code::kInternal, "") : result.error();
  };
  EXPECT_EQ(failure(EPERM, "tap0").code(), base::Code::kDenied);
  EXPECT_THAT(failure(EPERM, "tap0").message(), testing::HasSubstr("tap0"));
  EXPECT_THAT(failure(EPERM, "").hint(), testing::HasSubstr("CAP_NET_ADMIN"));
  EXPECT_EQ(failure(EBUSY, "tap0").code(), base::Code::kInUse);
  EXPECT_EQ(failure(EINVAL, "eth0").code(), base::Code::kUnfit);
  attach_ = 0;
  kernel_.FailOpen("/dev/net/tun", ENOENT);
  const auto missing = OpenTap(kernel_, "tap0", 1);
  ASSERT_THAT(missing, FailsWith(base::Code::kNotFound));
  EXPECT_THAT(missing.error().hint(), testing::HasSubstr("modprobe tun"));
  kernel_.FailOpen("/dev/net/tun", EACCES);
  EXPECT_THAT(OpenTap(kernel_, "tap0", 1), FailsWith(base::Code::kDenied));
}

TEST_F(OpenTapTest, TheDeviceAsksForWhatItsOptionsSay) {
  NetOptions options;
  options.queues = 2;
  options.link = TapLink{"tap0", false};
  auto net = Net::Create(kernel_, options);
  ASSERT_THAT(net, IsOk());
  EXPECT_EQ((*net)->model().queue_sizes.size(), 5u);
  EXPECT_EQ(kernel_.count("TUNSETQUEUE"), 1u) << "the second pair is off until it is asked for";
  kernel_.FailOpen("/dev/vhost-net", ENOENT);
  options.link = TapLink{"tap0", true};
  EXPECT_THAT(Net::Create(kernel_, options), FailsWith(base::Code::kNotFound));
}

// The kernel's own taps, in a network of the test's own.
TEST(Tap, TheKernelTakesItAll) {
  bool skipped = false;
  std::string why;
  std::thread thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      skipped = true;
      why = std::string("no network namespace: ") + std::strerror(errno);
      return;
    }
    auto taps = OpenTap(base::HostKernel(), "", 2);
    if (!taps) {
      skipped = true;
      why = taps.error().message();
      return;
    }
    TapPort& first = *taps->front();
    EXPECT_THAT(first.SetOffloads(net::kGuestOffloads), IsOk());
    EXPECT_THAT(first.SetOffloads(0), IsOk());
    EXPECT_THAT(taps->back()->SetActive(false), IsOk());
    EXPECT_THAT(taps->back()->SetActive(true), IsOk());
    EXPECT_THAT(taps->back()->SetActive(false), IsOk());
    std::string bytes = Frame("hello");
    const iovec one{bytes.data(), bytes.size()};
    EXPECT_EQ(first.Send({}, {&one, 1}), Sent::kDropped) << "the interface is down";
    const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, first.name().c_str(), IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP;
    ASSERT_EQ(::ioctl(socket.raw(), SIOCSIFFLAGS, &request), 0) << std::strerror(errno);
    EXPECT_EQ(first.Send({}, {&one, 1}), Sent::kDone);
    EXPECT_EQ(first.Send({1, 1, 0, 0, 5000, 5000, 0}, {&one, 1}), Sent::kDropped) << "nonsense";
    // IPv6 speaks up by itself.
    NetFrame frame;
    EXPECT_TRUE(Eventually([&] { return first.Receive(frame) == Received::kFrame; }));
    EXPECT_GE(frame.bytes.size(), kLeastFrame);
    EXPECT_THAT(OpenTap(base::HostKernel(), first.name(), 1), FailsWith(base::Code::kUnfit));
  });
  thread.join();
  if (skipped) GTEST_SKIP() << why;
}

}  // namespace
}  // namespace vmm::virtio
