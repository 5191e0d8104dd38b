#include "vmm/virtio/net/vhost.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "sysfs/base/log.h"
#include "vmm/virtio/net/model.h"
#include "vmm/virtio/net/vhost_uapi.h"

namespace vmm::virtio {
namespace {

constexpr const char* kFile = "/dev/vhost-net";
// What the transport offers to every driver and the kernel therefore has to know.
constexpr uint64_t kNeeded = feature::kIndirect | feature::kEventIdx | feature::kVersion1;
// What it is told of, when the driver took it and the kernel has it. Bit 27 is not among them: the
// kernel would put a header of its own before the tap's.
constexpr uint64_t kTold = kNeeded | net_feature::kMergeBuffers;

}  // namespace

class Vhost::Key {};

Vhost::Vhost(Key, base::Kernel& kernel, base::Fd fd, uint64_t features)
    : kernel_(&kernel), fd_(std::move(fd)), features_(features) {}

base::Result<std::unique_ptr<Vhost>> Vhost::Create(base::Kernel& kernel) {
  auto fd = kernel.Open(kFile, O_RDWR);
  if (!fd) {
    const int err = fd.error().err();
    const bool missing = err == ENOENT || err == ENODEV;
    return base::Failure(std::move(fd).error().WithHint(
        missing ? "load its module: modprobe vhost_net; or use vhost=off"
                : "its permissions have to let you read and write it (group kvm); or use "
                  "vhost=off"));
  }
  TRY(kernel.Ioctl(*fd, VHOST_SET_OWNER, nullptr, "VHOST_SET_OWNER"));
  uint64_t features = 0;
  TRY(kernel.Ioctl(*fd, VHOST_GET_FEATURES, &features, "VHOST_GET_FEATURES"));
  if ((features & kNeeded) != kNeeded) {
    return base::Fail(base::Code::kUnsupported,
                      fmt::format("{}: features {:#x} are too few", kFile, features),
                      "use vhost=off, or a newer kernel");
  }
  return std::make_unique<Vhost>(Key(), kernel, std::move(*fd), features);
}

bool Vhost::merges() const { return (features_ & net_feature::kMergeBuffers) != 0; }

base::Status Vhost::Call(unsigned long request, void* argument, std::string_view name) const {
  TRY(kernel_->Ioctl(fd_, request, argument, name));
  return {};
}

base::Status Vhost::Begin(uint64_t features, const GuestRam& ram) {
  uint64_t told = features & features_ & kTold;
  TRY(Call(VHOST_SET_FEATURES, &told, "VHOST_SET_FEATURES"));
  return SetMemory(ram);
}

base::Status Vhost::SetMemory(const GuestRam& ram) const {
  const size_t count = ram.regions().size();
  std::vector<std::byte> bytes(sizeof(vhost_memory) + count * sizeof(vhost_memory_region));
  vhost_memory head{};
  head.nregions = static_cast<uint32_t>(count);
  std::memcpy(bytes.data(), &head, sizeof head);
  for (size_t i = 0; i < count; ++i) {
    const GuestRam::Region& region = ram.regions()[i];
    vhost_memory_region one{};
    one.guest_phys_addr = region.base;
    one.memory_size = region.bytes.size();
    one.userspace_addr = reinterpret_cast<uintptr_t>(region.bytes.data());
    std::memcpy(bytes.data() + sizeof head + i * sizeof one, &one, sizeof one);
  }
  return Call(VHOST_SET_MEM_TABLE, bytes.data(), "VHOST_SET_MEM_TABLE");
}

base::Status Vhost::StartRing(unsigned ring, const ActiveQueue& queue, const GuestRam& ram,
                              uint16_t base, const RingEvents& events, const base::Fd& tap) {
  const uint64_t size = queue.size();
  // Two bytes behind each index ring are the event index (virtio 1.2, 2.7).
  const auto address = [&](uint64_t at, uint64_t bytes) {
    return reinterpret_cast<uintptr_t>(ram.HostAddress(at, bytes));
  };
  vhost_vring_addr places{};
  places.index = ring;
  places.desc_user_addr = address(queue.descriptors(), 16 * size);
  places.avail_user_addr = address(queue.driver(), 6 + 2 * size);
  places.used_user_addr = address(queue.device(), 6 + 8 * size);
  if (places.desc_user_addr == 0 || places.avail_user_addr == 0 || places.used_user_addr == 0) {
    return base::Fail(base::Code::kInternal, "vhost: a ring outside of RAM");
  }
  vhost_vring_state number{ring, static_cast<uint32_t>(size)};
  TRY(Call(VHOST_SET_VRING_NUM, &number, "VHOST_SET_VRING_NUM"));
  vhost_vring_state first{ring, base};
  TRY(Call(VHOST_SET_VRING_BASE, &first, "VHOST_SET_VRING_BASE"));
  TRY(Call(VHOST_SET_VRING_ADDR, &places, "VHOST_SET_VRING_ADDR"));
  vhost_vring_file kick{ring, events.kick.fd().raw()};
  TRY(Call(VHOST_SET_VRING_KICK, &kick, "VHOST_SET_VRING_KICK"));
  TRY(SetCall(ring, events.call));
  vhost_vring_file error{ring, events.error.fd().raw()};
  TRY(Call(VHOST_SET_VRING_ERR, &error, "VHOST_SET_VRING_ERR"));
  vhost_vring_file backend{ring, tap.raw()};
  return Call(VHOST_NET_SET_BACKEND, &backend, "VHOST_NET_SET_BACKEND");
}

base::Status Vhost::SetCall(unsigned ring, const base::Fd& call) {
  vhost_vring_file file{ring, call.raw()};
  return Call(VHOST_SET_VRING_CALL, &file, "VHOST_SET_VRING_CALL");
}

base::Result<uint16_t> Vhost::StopRing(unsigned ring) {
  // Waits for what is in progress.
  vhost_vring_file backend{ring, VHOST_FILE_UNBIND};
  TRY(Call(VHOST_NET_SET_BACKEND, &backend, "VHOST_NET_SET_BACKEND"));
  vhost_vring_state state{ring, 0};
  TRY(Call(VHOST_GET_VRING_BASE, &state, "VHOST_GET_VRING_BASE"));
  vhost_vring_file none{ring, VHOST_FILE_UNBIND};
  TRY(Call(VHOST_SET_VRING_KICK, &none, "VHOST_SET_VRING_KICK"));
  TRY(Call(VHOST_SET_VRING_CALL, &none, "VHOST_SET_VRING_CALL"));
  return static_cast<uint16_t>(state.num);
}

class VhostRing::Key {};

base::Result<std::unique_ptr<VhostRing>> VhostRing::Create(
    Vhost& vhost, uint16_t index, const ActiveQueue& queue, const GuestRam& ram,
    const base::EventFd& kick, const base::Fd& tap, const RunnerWiring& wiring) {
  return std::make_unique<VhostRing>(Key(), vhost, index, queue, ram, kick, tap, wiring,
                                     TRY(base::EventFd::Create()), TRY(base::EventFd::Create()));
}

VhostRing::VhostRing(Key, Vhost& vhost, uint16_t index, const ActiveQueue& queue,
                     const GuestRam& ram, const base::EventFd& kick, const base::Fd& tap,
                     const RunnerWiring& wiring, base::EventFd call, base::EventFd error)
    : vhost_(&vhost),
      index_(index),
      queue_(queue),
      ram_(&ram),
      kick_(&kick),
      tap_(&tap),
      wiring_(&wiring),
      call_(std::move(call)),
      error_(std::move(error)) {}

base::Status VhostRing::Start(EventLoop& loop) {
  call_watch_ = TRY(loop.Add(call_.fd(), [this] { OnCall(); }));
  error_watch_ = TRY(loop.Add(error_.fd(), [this] { OnError(); }));
  started_ = true;
  return paused_ ? base::Status() : Run();
}

const base::Fd& VhostRing::Call() {
  vector_ = wiring_->event(index_);
  return vector_ ? *vector_ : call_.fd();
}

void VhostRing::Rewire() {
  if (!running_) return;
  if (const base::Status set = vhost_->SetCall(index_ % 2, Call()); !set) {
    base::Log(base::Level::kError, "{}", set.error().message());
  }
}

base::Status VhostRing::Run() {
  TRY(vhost_->StartRing(index_ % 2, queue_, *ram_, base_, {*kick_, Call(), error_}, *tap_));
  running_ = true;
  // A request may have come before anybody took kicks.
  return kick_->Signal();
}

void VhostRing::Halt() {
  if (!std::exchange(running_, false)) return;
  const auto base = vhost_->StopRing(index_ % 2);
  if (base) {
    base_ = *base;
  } else {
    base::Log(base::Level::kError, "{}", base.error().message());
  }
}

void VhostRing::OnCall() {
  static_cast<void>(call_.Take());
  wiring_->interrupt(index_);
}

void VhostRing::OnError() {
  static_cast<void>(error_.Take());
  if (std::exchange(broken_, true)) return;
  Halt();
  wiring_->broken(index_, QueueFault::kHostKernel);
}

void VhostRing::Pause(std::function<void()> done) {
  paused_ = true;
  Halt();
  done();
}

void VhostRing::Resume() {
  if (ending_ || broken_ || !std::exchange(paused_, false) || !started_) return;
  if (const base::Status status = Run(); !status) {
    base::Log(base::Level::kError, "{}", status.error().message());
    broken_ = true;
    wiring_->broken(index_, QueueFault::kHostKernel);
  }
}

void VhostRing::End(std::function<void()> done) {
  ending_ = true;
  Pause(std::move(done));
}

}  // namespace vmm::virtio
