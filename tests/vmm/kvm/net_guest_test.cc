// Whole machines on this machine's own KVM whose tiny guest answers frames, from a socket and from
// a tap in a network of the test's own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "sysfs/base/kernel.h"
#include "tests/support/matchers.h"
#include "tests/support/real_kvm.h"
#include "tests/support/temp_folder.h"
#include "vmm/machine.h"

namespace vmm {
namespace {

using test::IsOk;
using testing::HasSubstr;
using testing::Not;

constexpr unsigned kFrames = 40;
constexpr uint16_t kLocalExperiment = 0x88b5;
const std::string kOurMac("\x02\x00\x00\x00\x09\x01", 6);

std::string GuestMac() { return std::string("\x52\x54\x00\x00\x09\x02", 6); }
std::string Payload(unsigned number) {
  std::string data = "\x88\xb5";
  for (unsigned i = 0; i < 46 + number * 37 % 1400; ++i)
    data.push_back(static_cast<char>(number + i));
  return data;
}
std::string Question(unsigned number) { return GuestMac() + kOurMac + Payload(number); }
std::string Answer(unsigned number) { return kOurMac + GuestMac() + Payload(number); }

class NetGuestTest : public testing::Test {
 protected:
  void SetUp() override {
    if (test::OpenRealKvm() == nullptr)
      GTEST_SKIP() << "/dev/kvm is not there or may not be opened";
  }
  base::Result<std::unique_ptr<Machine>> Make(const virtio::NetOptions& net,
                                              const std::string& mode) {
    Options options;
    options.nets.push_back(net);
    options.nets.back().mac = *virtio::ParseMac("52:54:00:00:09:02");
    options.kernel = TINY_GUEST;
    options.memory_bytes = 64 * base::kMiB;
    options.append =
        "-- net start " + mode + "; net echo " + std::to_string(kFrames) + "; net count; poweroff";
    options.console = folder_.path() + "/console";
    options.seccomp = confinement::Mode::kOff;  // the process is the test's
    return Machine::Create(base::HostKernel(), *tree_, options, {});
  }
  std::string Said() const {
    std::ifstream said(folder_.path() + "/console");
    return {std::istreambuf_iterator<char>(said), {}};
  }
  void ExpectEchoes(const std::string& mode) const {
    const std::string said = Said();
    EXPECT_THAT(said, HasSubstr("address 52:54:00:00:09:02, link up")) << mode;
    EXPECT_THAT(said, HasSubstr("net: echoed 40 frames")) << mode;
    EXPECT_THAT(said, Not(HasSubstr("failed"))) << mode;
    if (mode == "msix") {
      EXPECT_THAT(said, Not(HasSubstr("interrupts 0\n")));
    }
  }

  const std::unique_ptr<sysfs::Tree> tree_ = sysfs::HostTree();
  test::TempFolder folder_;
};

std::string ReadBytes(int fd, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = ::recv(fd, bytes.data(), size, MSG_WAITALL);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

// As passt does it.
void AskOverSocket(int fd) {
  for (unsigned i = 0; i < kFrames; ++i) {
    const std::string frame = Question(i);
    const uint32_t size = htonl(static_cast<uint32_t>(frame.size()));
    ASSERT_EQ(::send(fd, &size, sizeof size, MSG_NOSIGNAL), 4);
    ASSERT_EQ(::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(frame.size()));
    uint32_t got = 0;
    const std::string prefix = ReadBytes(fd, sizeof got);
    ASSERT_EQ(prefix.size(), sizeof got);
    std::memcpy(&got, prefix.data(), sizeof got);
    ASSERT_EQ(ReadBytes(fd, ntohl(got)), Answer(i)) << i;
  }
}

TEST_F(NetGuestTest, AnswersOverASocketByEachInterrupt) {
  const std::string path = folder_.path() + "/wire";
  const base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(::bind(listener.raw(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.raw(), 1), 0);
  for (const std::string mode : {"poll", "pin", "msix"}) {
    virtio::NetOptions net;
    net.link = virtio::SocketLink{path, false};
    auto machine = Make(net, mode);
    ASSERT_THAT(machine, IsOk());
    const base::Fd peer(::accept4(listener.raw(), nullptr, nullptr, SOCK_CLOEXEC));
    std::thread asker([&] { AskOverSocket(peer.raw()); });
    EXPECT_THAT((*machine)->Run(), test::IsOkAnd(0));
    // Whatever the asker waits for does not come any more.
    ::shutdown(peer.raw(), SHUT_RDWR);
    asker.join();
    machine->reset();
    ExpectEchoes(mode);
  }
}

// The end of a tap at which the host's programs are; nothing when it is not allowed to.
base::Fd OpenPacketSocket(const char* interface) {
  base::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kLocalExperiment)));
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (::ioctl(fd.raw(), SIOCSIFFLAGS, &request) != 0) return {};
  if (::ioctl(fd.raw(), SIOCGIFINDEX, &request) != 0) return {};
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(kLocalExperiment);
  address.sll_ifindex = request.ifr_ifindex;
  if (::bind(fd.raw(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return {};
  return fd;
}

void AskOverTap(int fd) {
  for (unsigned i = 0; i < kFrames; ++i) {
    const std::string frame = Question(i);
    ASSERT_EQ(::send(fd, frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
    std::string answer(4096, '\0');
    const ssize_t got = ::recv(fd, answer.data(), answer.size(), 0);
    ASSERT_GT(got, 0) << std::strerror(errno);
    answer.resize(static_cast<size_t>(got));
    ASSERT_EQ(answer, Answer(i)) << i;
  }
}

TEST_F(NetGuestTest, AnswersOnATap) {
  std::string skip;
  std::thread whole([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      skip = std::string("no network namespace: ") + std::strerror(errno);
      return;
    }
    virtio::NetOptions net;
    net.link = virtio::TapLink{};
    auto machine = Make(net, "msix");
    if (!machine) {
      skip = machine.error().message();
      return;
    }
    const base::Fd socket = OpenPacketSocket("vmm0");
    if (!socket.valid()) {
      skip = "vmm0: cannot be used";
      return;
    }
    std::thread asker([&] { AskOverTap(socket.raw()); });
    EXPECT_THAT((*machine)->Run(), test::IsOkAnd(0));
    asker.join();
    machine->reset();
    ExpectEchoes("msix");
  });
  whole.join();
  if (!skip.empty()) GTEST_SKIP() << skip;
}

}  // namespace
}  // namespace vmm
