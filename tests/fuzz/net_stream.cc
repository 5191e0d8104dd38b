// A network's stream and a peer that sends and reads any bytes in any pieces, ends and comes again:
// what is received are the peer's frames, each as soon as it is whole, and what is sent arrives
// whole.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "tests/fuzz/input.h"
#include "vmm/virtio/net/stream.h"

namespace {

using namespace vmm::virtio;

constexpr size_t kPrefix = 4;
using Bytes = std::vector<std::byte>;

// In no file system.
std::string Path() { return std::string(1, '\0') + "stream " + std::to_string(::getpid()); }

uint32_t SizeIn(const Bytes& bytes) {
  uint32_t size = 0;
  for (size_t i = 0; i < kPrefix; ++i) size = size << 8 | std::to_integer<uint32_t>(bytes[i]);
  return size;
}

void AppendSize(Bytes& to, uint32_t size) {
  for (const int shift : {24, 16, 8, 0}) to.push_back(static_cast<std::byte>(size >> shift));
}

class Game {
 public:
  explicit Game(test::Input& input) : input_(&input), listens_(input.ConsumeBool()) {
    if (listens_) {
      auto port = StreamPort::Create({Path(), true});
      test::Check(port.has_value(), "a path that is free is listened on");
      port_ = std::move(*port);
      return;
    }
    int ends[2];
    test::Check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0,
                "two ends of a stream");
    peer_ = base::Fd(ends[0]);
    const int room = input.PickValueInArray({1, 1 << 14, 1 << 18});
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    port_ = std::move(*StreamPort::Adopt(base::Fd(ends[1]), "test"));
    connected_ = true;
  }

  void Play() {
    while (input_->remaining_bytes() > 0) {
      switch (input_->ConsumeIntegralInRange(0, 7)) {
        case 0:
        case 1:
          PeerSends();
          break;
        case 2:
        case 3:
          Receive();
          break;
        case 4:
          Send();
          break;
        case 5:
          PeerReads(TakeSize());
          break;
        case 6:
          Flush();
          break;
        default:
          peer_.valid() ? PeerEnds() : PeerComes();
      }
      CheckPort();
    }
    while (Receive() == Received::kFrame) {
    }
    while (kept_ && !deaf_) {
      Flush();
      PeerReads(kMostFrame);
    }
    if (connected_ && !deaf_) PeerReads(to_peer_.size());
    test::Check(!connected_ || deaf_ || to_peer_.empty(), "what was sent arrives");
  }

 private:
  // About frames' borders, or any.
  uint32_t TakeSize() {
    switch (input_->ConsumeIntegralInRange(0, 3)) {
      case 0:
        return input_->ConsumeIntegralInRange<uint32_t>(0, 200);
      case 1:
        return static_cast<uint32_t>(kMostFrame) - 2 +
               input_->ConsumeIntegralInRange<uint32_t>(0, 4);
      case 2:
        return input_->ConsumeIntegralInRange<uint32_t>(0, 20000);
      default:
        return input_->PickValueInArray<uint32_t>(
            {0, 1, static_cast<uint32_t>(kLeastFrame) - 1, static_cast<uint32_t>(kLeastFrame), 1514,
             0x10000, 0x80000000, std::numeric_limits<uint32_t>::max()});
    }
  }
  // Others each time.
  void AppendBytes(Bytes& to, size_t size) {
    static const Bytes kAll = [] {
      Bytes all;
      for (size_t i = 0; i < kMostFrame + 0x1000; ++i) all.push_back(std::byte(i % 251));
      return all;
    }();
    const auto first = kAll.begin() + next_++ % 251;
    to.insert(to.end(), first, first + static_cast<ptrdiff_t>(size));
  }

  // Some of what it has in mind, which may be no frames.
  void PeerSends() {
    if (!peer_.valid()) return;
    if (planned_.size() < 2 * kMostFrame) {
      const uint32_t size = TakeSize();
      AppendSize(planned_, size);
      AppendBytes(planned_, size > kMostFrame + 2 ? 20 : size);
    }
    const size_t most = std::min<size_t>(
        input_->PickValueInArray<size_t>({1, 3, 7, TakeSize(), planned_.size()}), planned_.size());
    const ssize_t sent = ::send(peer_.raw(), planned_.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0) return;
    wire_.insert(wire_.end(), planned_.begin(), planned_.begin() + sent);
    planned_.erase(planned_.begin(), planned_.begin() + sent);
  }

  Received Receive() {
    NetFrame frame;
    const Received received = port_->Receive(frame);
    const bool was_connected = connected_;
    test::Check(received == Expected(), "what comes is what the peer's bytes say");
    if (received == Received::kFrame) {
      test::Check(frame.header == NetHeader{}, "a frame of a stream has no header");
      test::Check(frame.bytes.size() == SizeIn(wire_) &&
                      std::memcmp(frame.bytes.data(), &wire_[kPrefix], frame.bytes.size()) == 0,
                  "a frame is the peer's");
      wire_.erase(wire_.begin(),
                  wire_.begin() + static_cast<ptrdiff_t>(kPrefix + frame.bytes.size()));
    } else if (received == Received::kChanged) {
      was_connected ? Lose() : Accept();
    }
    return received;
  }
  Received Expected() const {
    if (!connected_) return waits_ ? Received::kChanged : Received::kNothing;
    if (wire_.size() >= kPrefix) {
      const uint32_t size = SizeIn(wire_);
      if (size == 0 || size > kMostFrame) return Received::kChanged;
      if (wire_.size() - kPrefix >= size) return Received::kFrame;
    }
    return silent_ ? Received::kChanged : Received::kNothing;
  }

  void Send() {
    if (kept_) return;
    const size_t size = std::min<size_t>(TakeSize(), kMostFrame + 2);
    Bytes frame;
    AppendBytes(frame, size);
    const auto border = input_->ConsumeIntegralInRange<size_t>(0, size);
    const iovec parts[] = {{frame.data(), border}, {frame.data() + border, size - border}};
    const Sent sent = port_->Send({}, parts);
    if (!connected_ || size < kLeastFrame || size > kMostFrame) {
      return test::Check(sent == Sent::kDropped, "what is no frame does not go");
    }
    test::Check((sent == Sent::kChanged) == deaf_, "a peer that has ended is a change");
    test::Check(sent != Sent::kDropped, "a frame goes");
    AppendSize(to_peer_, static_cast<uint32_t>(size));
    to_peer_.insert(to_peer_.end(), frame.begin(), frame.end());
    std::fill(frame.begin(), frame.end(), std::byte{0xff});  // its guest has it back
    Take(sent);
  }
  void Flush() {
    const bool had = kept_;
    const Sent sent = port_->Flush();
    test::Check(sent != Sent::kDropped, "what has begun is not dropped");
    test::Check((sent == Sent::kChanged) == (had && deaf_),
                "only a peer that has ended is a change");
    Take(sent);
  }
  void Take(Sent sent) {
    kept_ = sent == Sent::kKept;
    if (sent == Sent::kChanged) Lose();
  }

  void PeerReads(size_t most) {
    if (!connected_ || deaf_) return;
    Bytes bytes(std::min(most, to_peer_.size() + 1));
    const ssize_t got = ::recv(peer_.raw(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    test::Check(static_cast<size_t>(got) <= to_peer_.size() &&
                    std::memcmp(bytes.data(), to_peer_.data(), static_cast<size_t>(got)) == 0,
                "the peer reads what was sent");
    to_peer_.erase(to_peer_.begin(), to_peer_.begin() + got);
  }
  void PeerEnds() {
    const int how = input_->ConsumeIntegralInRange(0, 2);
    silent_ = silent_ || how != 1;
    deaf_ = deaf_ || how != 0;
    if (how == 2) {
      peer_ = base::Fd();
    } else {
      ::shutdown(peer_.raw(), how == 0 ? SHUT_WR : SHUT_RD);
    }
  }
  void PeerComes() {
    if (!listens_ || connected_ || waits_) return;
    const std::string path = Path();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    base::Fd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
    test::Check(::connect(peer.raw(), raw, sizeof address) == 0, "who listens can be reached");
    peer_ = std::move(peer);
    waits_ = true;
  }

  void Accept() {
    waits_ = false;
    connected_ = true;
  }
  void Lose() {
    connected_ = silent_ = deaf_ = kept_ = false;
    peer_ = base::Fd();
    planned_.clear();
    wire_.clear();
    to_peer_.clear();
  }
  void CheckPort() const {
    test::Check(port_->connected() == connected_, "connected while there is a peer");
    test::Check((port_->writable() != nullptr) == connected_, "writable while there is a peer");
    test::Check((port_->readable() != nullptr) == (connected_ || listens_),
                "readable while something may come");
  }

  test::Input* input_;
  const bool listens_;
  std::unique_ptr<StreamPort> port_;
  base::Fd peer_;
  bool waits_ = false;
  bool connected_ = false;
  bool silent_ = false;  // the peer sends no more
  bool deaf_ = false;    // and reads no more
  bool kept_ = false;
  unsigned next_ = 0;
  Bytes planned_;  // by the peer
  Bytes wire_;     // sent by it and not received
  Bytes to_peer_;  // and the other way
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return test::PlayGame<Game>(data, size);
}
