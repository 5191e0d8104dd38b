#include "vmm/virtio/net/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "sysfs/base/log.h"

namespace vmm::virtio {
namespace {

namespace net = net_feature;

constexpr const char* kFile = "/dev/net/tun";
constexpr const char* kNewName = "vmm%d";  // the kernel counts

// ioctls whose argument is a number.
void* Number(uint64_t value) { return reinterpret_cast<void*>(static_cast<uintptr_t>(value)); }

base::Result<base::Fd> OpenFile(base::Kernel& kernel) {
  auto fd = kernel.Open(kFile, O_RDWR | O_NONBLOCK);
  if (fd) return fd;
  const int err = fd.error().err();
  const bool missing = err == ENOENT || err == ENODEV;
  return base::Failure(std::move(fd).error().WithHint(
      missing ? "load its module: modprobe tun"
              : "its permissions have to let you read and write it"));
}

base::Failure CannotAttach(base::Error error, const std::string& name, unsigned queues) {
  const std::string object = name.empty() ? "a new tap" : name;
  const int err = error.err();
  if (err == EPERM || err == EACCES) {
    const std::string user = queues > 1 ? "mode tap user $USER multi_queue" : "mode tap user $USER";
    return base::Failure(
        std::move(error)
            .With(object)
            .WithCode(base::Code::kDenied)
            .WithHint(
                name.empty()
                    ? "making one needs CAP_NET_ADMIN; let root make one: ip tuntap add tap0 " +
                          user + ", and use ifname=tap0"
                    : "it belongs to another user: ip tuntap add " + name + " " + user));
  }
  if (err == EBUSY) {
    return base::Failure(std::move(error)
                             .With(object)
                             .WithCode(base::Code::kInUse)
                             .WithHint("another program has it; give each machine its own"));
  }
  if (err != EINVAL) return base::Failure(std::move(error).With(object));
  return base::Failure(
      std::move(error)
          .With(object)
          .WithCode(base::Code::kUnfit)
          .WithHint("it is not a tap, or was made for another number of queues (multi_queue)"));
}

// Attaches a descriptor to the interface, which then has a name.
base::Status Attach(base::Kernel& kernel, const base::Fd& fd, unsigned queues, std::string& name,
                    bool made) {
  ifreq request{};
  request.ifr_flags =
      static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (queues > 1 ? IFF_MULTI_QUEUE : 0));
  const std::string wanted = name.empty() ? kNewName : name;
  std::memcpy(request.ifr_name, wanted.data(), std::min<size_t>(wanted.size(), IFNAMSIZ - 1));
  auto attached = kernel.Ioctl(fd, TUNSETIFF, &request, "TUNSETIFF");
  if (!attached) return CannotAttach(std::move(attached).error(), made ? "" : name, queues);
  name.assign(request.ifr_name, ::strnlen(request.ifr_name, IFNAMSIZ));
  return {};
}

uint64_t TapOffloads(uint64_t offloads) {
  uint64_t flags = 0;
  if ((offloads & net::kGuestCsum) != 0) flags |= TUN_F_CSUM;
  if ((offloads & net::kGuestTso4) != 0) flags |= TUN_F_TSO4;
  if ((offloads & net::kGuestTso6) != 0) flags |= TUN_F_TSO6;
  return flags;
}

// What all taps need before their first frame.
base::Status SetUp(base::Kernel& kernel, const base::Fd& fd) {
  int size = sizeof(NetHeader);
  TRY(kernel.Ioctl(fd, TUNSETVNETHDRSZ, &size, "TUNSETVNETHDRSZ"));
  // Whether the kernel can do all that is offered; the guest decides later.
  const uint64_t all = TapOffloads(net::kGuestOffloads);
  TRY(kernel.Ioctl(fd, TUNSETOFFLOAD, Number(all), "TUNSETOFFLOAD"));
  TRY(kernel.Ioctl(fd, TUNSETOFFLOAD, Number(0), "TUNSETOFFLOAD"));
  return {};
}

}  // namespace

class TapPort::Key {};

TapPort::TapPort(Key, base::Kernel& kernel, base::Fd fd, base::Fd writer, std::string name,
                 bool several)
    : kernel_(&kernel),
      fd_(std::move(fd)),
      writer_(std::move(writer)),
      name_(std::move(name)),
      several_(several) {}

base::Result<std::unique_ptr<TapPort>> TapPort::Adopt(base::Kernel& kernel, base::Fd fd,
                                                      std::string name, bool several) {
  base::Fd writer = TRY(fd.Duplicate());
  return std::make_unique<TapPort>(Key(), kernel, std::move(fd), std::move(writer), std::move(name),
                                   several);
}

base::Result<std::vector<std::unique_ptr<TapPort>>> OpenTap(base::Kernel& kernel,
                                                            const std::string& interface,
                                                            unsigned queues) {
  std::vector<std::unique_ptr<TapPort>> ports;
  std::string name = interface;
  for (unsigned i = 0; i < queues; ++i) {
    base::Fd fd = TRY(OpenFile(kernel));
    TRY(Attach(kernel, fd, queues, name, interface.empty() && i == 0));
    if (i == 0) TRY(SetUp(kernel, fd));
    ports.push_back(TRY(TapPort::Adopt(kernel, std::move(fd), name, queues > 1)));
  }
  return ports;
}

// The device file is an interface's own: the request names none (drivers/net/tap.c).
base::Result<std::unique_ptr<TapPort>> OpenMacvtap(base::Kernel& kernel, base::Fd fd,
                                                   std::string name) {
  ifreq request{};
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  TRY(kernel.Ioctl(fd, TUNSETIFF, &request, "TUNSETIFF"));
  TRY(SetUp(kernel, fd));
  return TapPort::Adopt(kernel, std::move(fd), std::move(name), false);
}

base::Status TapPort::SetOffloads(uint64_t offloads) {
  TRY(kernel_->Ioctl(fd_, TUNSETOFFLOAD, Number(TapOffloads(offloads)), "TUNSETOFFLOAD"));
  return {};
}

base::Status TapPort::SetActive(bool active) {
  if (!several_ || active == active_) return {};
  ifreq request{};
  request.ifr_flags = static_cast<short>(active ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE);
  TRY(kernel_->Ioctl(fd_, TUNSETQUEUE, &request, "TUNSETQUEUE"));
  active_ = active;
  return {};
}

base::Status TapPort::SetCarrier(bool up) {
  int carrier = up ? 1 : 0;
  TRY(kernel_->Ioctl(fd_, TUNSETCARRIER, &carrier, "TUNSETCARRIER"));
  return {};
}

// EIO: the interface is down; EINVAL: the frame or its header makes no sense.
Sent TapPort::Judge(int err) {
  if (err == EAGAIN || err == EINTR) return Sent::kKept;
  if (err != EBADFD && err != ENODEV) return Sent::kDropped;
  Lose();
  return Sent::kChanged;
}

void TapPort::Lose() {
  gone_ = true;
  base::Log(base::Level::kWarning, "{}: the interface has gone: the link is down", name_);
}

Sent TapPort::Send(const NetHeader& header, std::span<const iovec> frame) {
  if (gone_ || frame.size() >= IOV_MAX) return Sent::kDropped;
  NetHeader copy = header;
  request_.assign(1, {&copy, sizeof copy});
  request_.insert(request_.end(), frame.begin(), frame.end());
  if (::writev(fd_.raw(), request_.data(), static_cast<int>(request_.size())) >= 0)
    return Sent::kDone;
  const Sent result = Judge(errno);
  if (result != Sent::kKept) return result;
  kept_.clear();
  for (const iovec& one : request_) {
    const auto* const bytes = static_cast<const std::byte*>(one.iov_base);
    kept_.insert(kept_.end(), bytes, bytes + one.iov_len);
  }
  return Sent::kKept;
}

Sent TapPort::Flush() {
  if (!kept_.empty() && !gone_ && ::write(fd_.raw(), kept_.data(), kept_.size()) < 0) {
    const Sent result = Judge(errno);
    if (result == Sent::kKept) return result;
    kept_.clear();
    return result;
  }
  kept_.clear();
  return Sent::kDone;
}

Received TapPort::Receive(NetFrame& frame) {
  if (gone_) return Received::kNothing;
  input_.resize(sizeof(NetHeader) + kMostFrame);
  const ssize_t count = ::read(fd_.raw(), input_.data(), input_.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Received::kNothing;
  if (count <= 0) {
    Lose();
    return Received::kChanged;
  }
  if (static_cast<size_t>(count) < sizeof(NetHeader)) return Received::kNothing;
  std::memcpy(&frame.header, input_.data(), sizeof(NetHeader));
  frame.bytes = std::span(input_).first(static_cast<size_t>(count)).subspan(sizeof(NetHeader));
  return Received::kFrame;
}

}  // namespace vmm::virtio
