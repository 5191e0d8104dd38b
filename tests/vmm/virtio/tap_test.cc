#include "vmm/virtio/net/tap.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <thread>

#include "tests/support/fake_kernel.h"
#include "tests/support/matchers.h"
#include "tests/support/net_function.h"
#include "vmm/virtio/net/net.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;
using test::Eventually;
using test::FailsWith;
using test::IsOk;

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
  ASSERT_TRUE(Offer(test::FrameOf("a segment"), tcp));
  EXPECT_EQ(PeerTakes(), std::pair(tcp, test::FrameOf("a segment")));
  AddBuffer();
  ASSERT_TRUE(PeerGives(tcp, test::FrameOf("another")));
  EXPECT_EQ(Receive(), test::FrameOf("another"));
  EXPECT_EQ(header_.gso_size, 1000u);
  EXPECT_EQ(header_.buffers, 1u);
  // The next driver takes nothing: neither does the host ask it to.
  StartNet(0);
  EXPECT_THAT(Offloads(), testing::ElementsAre(uintptr_t{TUN_F_CSUM | TUN_F_TSO4}, 0u, 0u));
  ASSERT_TRUE(Offer(test::FrameOf("plain"), tcp));
  EXPECT_EQ(PeerTakes(), std::pair(NetHeader{}, test::FrameOf("plain")));
  AddBuffer();
  ASSERT_TRUE(PeerGives(tcp, test::FrameOf("from before")));
  ASSERT_TRUE(PeerGives({}, test::FrameOf("plain")));
  EXPECT_EQ(Receive(), test::FrameOf("plain"));
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
  while (offered < 5000 && Offer(test::FrameOf(std::to_string(offered)))) {
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
  ASSERT_TRUE(Offer(test::FrameOf("into nothing")));
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
    EXPECT_THAT(first.SetCarrier(false), IsOk());
    EXPECT_THAT(first.SetCarrier(true), IsOk());
    EXPECT_THAT(taps->back()->SetActive(false), IsOk());
    EXPECT_THAT(taps->back()->SetActive(true), IsOk());
    EXPECT_THAT(taps->back()->SetActive(false), IsOk());
    std::string bytes = test::FrameOf("hello");
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
