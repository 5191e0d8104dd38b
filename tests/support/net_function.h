// A virtio network device on its function, with a driver for each of its first three queues and
// what a test needs to send and receive frames as a guest.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "tests/support/virtio_function.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/net/stream.h"

namespace test {

// To everybody, from a guest.
inline std::string FrameOf(std::string_view text) {
  std::string frame("\xff\xff\xff\xff\xff\xff\x52\x54\x00\x00\x00\x01\x88\xb5", 14);
  return frame.append(text);
}

class NetFunction : public VirtioFunction {
 protected:
  static constexpr uint64_t kTransmitData = kData;
  static constexpr uint64_t kReceiveData = kData + 0x8000;
  static constexpr uint64_t kControlData = kData + 0x18000;
  static constexpr uint32_t kReceiveRoom = 2048;

  // Two ends of a stream; the peer's waits.
  void MakeStream(vmm::virtio::NetShape shape = {}, uint64_t rate = 0) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    peer_ = base::Fd(ends[1]);
    auto port = vmm::virtio::StreamPort::Adopt(base::Fd(ends[0]), "test");
    ASSERT_TRUE(port.has_value());
    std::vector<std::unique_ptr<vmm::virtio::NetPort>> ports;
    ports.push_back(std::move(*port));
    MakeNet(shape, std::move(ports), rate);
  }
  void MakeNet(const vmm::virtio::NetShape& shape,
               std::vector<std::unique_ptr<vmm::virtio::NetPort>> ports, uint64_t rate = 0) {
    auto net = std::make_unique<vmm::virtio::Net>("test", shape, std::move(ports), rate);
    net_ = net.get();
    Make(std::move(net));
  }
  // All three queues, the third the one for control.
  void StartNet(uint64_t features) {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    SetStatus(0);
    ASSERT_TRUE(Eventually([&] { return Status() == 0; }));
    SetStatus(3);
    Negotiate(kVersion1 | vmm::virtio::feature::kRingReset | features);
    SetStatus(11);
    ASSERT_EQ(Status(), 11);
    EnableMsix(4);
    Write(16, Width::k2, 0);
    for (const uint16_t queue : {uint16_t{0}, uint16_t{1}, uint16_t{2}}) SetUp(queue);
    SetStatus(15);
  }
  void SetUp(uint16_t queue) {
    const uint64_t at = 0x14000u * queue;
    const auto room = std::span(bytes_).subspan(at, 0x14000);
    std::fill(room.begin(), room.end(), std::byte{0});
    drivers_[queue].emplace(std::span(bytes_).subspan(at), kBase + at, uint16_t{16},
                            vmm::virtio::RingFeatures{});
    std::swap(driver_, drivers_[queue]);
    SetUpQueue(queue, static_cast<uint16_t>(queue + 1));
    std::swap(driver_, drivers_[queue]);
  }
  using VirtioFunction::SetUp;

  void Put(uint64_t at, std::string_view text) {
    std::memcpy(&bytes_[at - kBase], text.data(), text.size());
  }
  std::string Get(uint64_t at, size_t size) {
    return {reinterpret_cast<const char*>(&bytes_[at - kBase]), size};
  }
  bool Reaps(uint16_t queue, uint32_t* written = nullptr) {
    std::optional<VirtioDriver::Done> done;
    const bool came = Eventually([&] {
      std::atomic_thread_fence(std::memory_order_seq_cst);
      done = drivers_[queue]->Reap();
      return done.has_value();
    });
    if (came && written != nullptr) *written = done->written;
    return came;
  }

  // A frame of the guest, after an empty header, in two buffers.
  bool Offer(std::string_view frame, const vmm::virtio::NetHeader& header = {}) {
    std::memcpy(&bytes_[kTransmitData - kBase], &header, sizeof header);
    Put(kTransmitData + sizeof header, frame);
    const auto size = static_cast<uint32_t>(sizeof header + frame.size());
    const bool added = drivers_[1]->Add(
        {{kTransmitData, 16, false}, {kTransmitData + 16, size - 16, false}}, 1, false);
    if (added) Kick(1);
    return added;
  }
  void AddBuffer(uint32_t room = kReceiveRoom) {
    ASSERT_TRUE(drivers_[0]->Add({{kReceiveData, room, true}}, 1, false));
    Kick(0);
  }
  // What a buffer has got, without its header.
  std::string Receive() {
    uint32_t written = 0;
    if (!Reaps(0, &written) || written < sizeof(vmm::virtio::NetHeader)) return "nothing";
    std::memcpy(&header_, &bytes_[kReceiveData - kBase], sizeof header_);
    return Get(kReceiveData + sizeof header_, written - sizeof header_);
  }
  // The answer to a command.
  int Command(std::initializer_list<unsigned> bytes) {
    std::string text;
    for (const unsigned byte : bytes) text.push_back(static_cast<char>(byte));
    Put(kControlData, text);
    Put(kControlData + 0x1000, "\x55");
    if (!drivers_[2]->Add({{kControlData, static_cast<uint32_t>(text.size()), false},
                           {kControlData + 0x1000, 1, true}},
                          1, false))
      return -1;
    Kick(2);
    uint32_t written = 0;
    if (!Reaps(2, &written) || written != 1) return -1;
    return std::to_integer<int>(bytes_[kControlData + 0x1000 - kBase]);
  }

  // The peer's side of a stream.
  static std::string Framed(std::string_view frame) {
    const uint32_t size = htonl(static_cast<uint32_t>(frame.size()));
    return std::string(reinterpret_cast<const char*>(&size), sizeof size).append(frame);
  }
  bool PeerSends(std::string_view bytes) {
    return ::send(peer_.raw(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  std::string PeerReads(size_t size) {
    std::string text(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t got = ::recv(peer_.raw(), text.data() + done, size - done, 0);
      if (got <= 0) break;
      done += static_cast<size_t>(got);
    }
    return text.substr(0, done);
  }
  std::string PeerReadsFrame() {
    const std::string prefix = PeerReads(4);
    if (prefix.size() != 4) return "nothing";
    uint32_t size = 0;
    std::memcpy(&size, prefix.data(), sizeof size);
    return PeerReads(ntohl(size));
  }
  vmm::virtio::NetCounters Counters() {
    vmm::virtio::NetCounters counters;
    OnIo([&] { counters = net_->counters(); });
    return counters;
  }
  bool LinkIsUp() { return (Read(0x2006, Width::k2) & 1) != 0; }

  base::Fd peer_;
  vmm::virtio::Net* net_ = nullptr;
  vmm::virtio::NetHeader header_;
  std::array<std::optional<VirtioDriver>, 3> drivers_;
};

}  // namespace test
