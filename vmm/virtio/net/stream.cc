#include "vmm/virtio/net/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sysfs/base/bits.h"
#include "sysfs/base/log.h"

namespace vmm::virtio {
namespace {

constexpr size_t kPrefix = 4;
// A frame as long as can be; many that are shorter are read at once.
constexpr size_t kInputRoom = kMostFrame + kPrefix;

base::Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return base::Fail(base::Code::kUsage, fmt::format("socket {}: no possible path", path),
                      fmt::format("use 1 to {} bytes", sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

base::Failure CannotConnect(const std::string& path, int err) {
  auto failure = base::FailErrno("socket " + path, err);
  const char* hint = "";
  if (err == ENOENT || err == ECONNREFUSED) {
    hint = "start the other side first (passt --socket, of the package passt, or another vmm with "
           "listen), or add listen";
  } else if (err == EACCES || err == EPERM) {
    hint = "the socket's owner has to allow writing to it";
  } else if (err == EPROTOTYPE) {
    hint = "the other side has to use a stream socket, as passt does";
  }
  const base::Code code = err == ECONNREFUSED ? base::Code::kNotFound : failure.value().code();
  return base::Failure(std::move(failure.value()).WithHint(hint).WithCode(code));
}

base::Failure CannotListen(const std::string& path, int err) {
  auto failure = base::FailErrno("socket " + path, err);
  if (err != EADDRINUSE) return failure;
  return base::Failure(std::move(failure.value())
                           .WithCode(base::Code::kInUse)
                           .WithHint("another program listens there, or has left it: remove " +
                                     path + " if none does"));
}

}  // namespace

class StreamPort::Key {};

StreamPort::StreamPort(Key, std::string name) : name_(std::move(name)) {}

base::Result<std::unique_ptr<StreamPort>> StreamPort::Create(const SocketLink& link) {
  const sockaddr_un address = TRY(AddressOf(link.path));
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return base::FailErrno("socket " + link.path, errno);
  if (!link.listen) {
    if (::connect(fd.raw(), raw, sizeof address) != 0) return CannotConnect(link.path, errno);
    ::fcntl(fd.raw(), F_SETFL, O_NONBLOCK);
    return Adopt(std::move(fd), link.path);
  }
  if (::bind(fd.raw(), raw, sizeof address) != 0) return CannotListen(link.path, errno);
  if (::listen(fd.raw(), 1) != 0) return CannotListen(link.path, errno);
  ::fcntl(fd.raw(), F_SETFL, O_NONBLOCK);
  auto port = std::make_unique<StreamPort>(Key(), link.path);
  port->listener_ = std::move(fd);
  return port;
}

base::Result<std::unique_ptr<StreamPort>> StreamPort::Adopt(base::Fd peer, std::string name) {
  auto port = std::make_unique<StreamPort>(Key(), std::move(name));
  TRY(port->SetPeer(std::move(peer)));
  return port;
}

StreamPort::~StreamPort() {
  if (listener_.valid()) ::unlink(name_.c_str());
}

base::Status StreamPort::SetPeer(base::Fd peer) {
  writer_ = TRY(peer.Duplicate());
  peer_ = std::move(peer);
  input_.resize(kInputRoom);
  first_ = end_ = gone_ = 0;
  kept_.clear();
  return {};
}

void StreamPort::LosePeer(std::string_view why) {
  log_.Log(base::Level::kWarning, "socket {}: {}: the link is down", name_, why);
  peer_ = base::Fd();
  writer_ = base::Fd();
  first_ = end_ = gone_ = 0;
  kept_.clear();
}

const base::Fd* StreamPort::readable() const {
  if (peer_.valid()) return &peer_;
  return listener_.valid() ? &listener_ : nullptr;
}

Received StreamPort::AcceptPeer() {
  if (!listener_.valid()) return Received::kNothing;
  base::Fd peer(::accept4(listener_.raw(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!peer.valid() || !SetPeer(std::move(peer))) return Received::kNothing;
  log_.Log(base::Level::kInfo, "socket {}: the link is up", name_);
  return Received::kChanged;
}

Sent StreamPort::Send(const NetHeader&, std::span<const iovec> frame) {
  if (!peer_.valid()) return Sent::kDropped;
  size_t size = 0;
  for (const iovec& one : frame) size += one.iov_len;
  if (size < kLeastFrame || size > kMostFrame) return Sent::kDropped;
  uint32_t prefix = htonl(static_cast<uint32_t>(size));
  std::vector<iovec> all{{&prefix, sizeof prefix}};
  all.insert(all.end(), frame.begin(), frame.end());
  msghdr message{};
  message.msg_iov = all.data();
  message.msg_iovlen = all.size();
  ssize_t sent = ::sendmsg(peer_.raw(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) sent = 0;
  if (sent < 0) {
    if (errno == EMSGSIZE || errno == ENOBUFS || errno == ENOMEM || errno == EFAULT)
      return Sent::kDropped;
    LosePeer(std::strerror(errno));
    return Sent::kChanged;
  }
  if (static_cast<size_t>(sent) == size + kPrefix) return Sent::kDone;
  // The rest, as it is now: the peer has been told how much there is of it.
  kept_.clear();
  for (const iovec& one : all) {
    const auto* const bytes = static_cast<const std::byte*>(one.iov_base);
    kept_.insert(kept_.end(), bytes, bytes + one.iov_len);
  }
  gone_ = static_cast<size_t>(sent);
  return Sent::kKept;
}

Sent StreamPort::Flush() {
  while (peer_.valid() && gone_ < kept_.size()) {
    const ssize_t sent = ::send(peer_.raw(), kept_.data() + gone_, kept_.size() - gone_,
                                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return Sent::kKept;
    if (sent < 0) {
      LosePeer(std::strerror(errno));
      return Sent::kChanged;
    }
    gone_ += static_cast<size_t>(sent);
  }
  kept_.clear();
  gone_ = 0;
  return Sent::kDone;
}

// False when there is none yet.
bool StreamPort::TakeFrame(NetFrame& frame) {
  if (end_ - first_ < kPrefix) return false;
  const auto size = ntohl(base::LoadLe<uint32_t>(input_, first_));
  if (end_ - first_ - kPrefix < size) return false;
  frame.header = {};
  frame.bytes = std::span(input_).subspan(first_ + kPrefix, size);
  first_ += kPrefix + size;
  return true;
}

// Reads more, as much as there is room for; false when nothing has come.
bool StreamPort::Fill(bool& gone) {
  if (first_ != 0) std::memmove(input_.data(), input_.data() + first_, end_ - first_);
  end_ -= std::exchange(first_, 0);
  const ssize_t count =
      ::recv(peer_.raw(), input_.data() + end_, input_.size() - end_, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  gone = count <= 0;
  if (gone) LosePeer(count == 0 ? "the other side has ended" : std::strerror(errno));
  if (!gone) end_ += static_cast<size_t>(count);
  return !gone;
}

Received StreamPort::Receive(NetFrame& frame) {
  if (!peer_.valid()) return AcceptPeer();
  bool gone = false;
  do {
    if (end_ - first_ >= kPrefix) {
      const auto size = ntohl(base::LoadLe<uint32_t>(input_, first_));
      if (size == 0 || size > kMostFrame) {
        LosePeer(fmt::format("it has sent a frame of {} bytes", size));
        return Received::kChanged;
      }
    }
    if (TakeFrame(frame)) return Received::kFrame;
  } while (Fill(gone));
  return gone ? Received::kChanged : Received::kNothing;
}

}  // namespace vmm::virtio
