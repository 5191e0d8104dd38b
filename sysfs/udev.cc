#include "sysfs/udev.h"

#include <libudev.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace sysfs {
namespace {

using Clock = std::chrono::steady_clock;

struct FreeDevice {
  void operator()(udev_device* device) const { udev_device_unref(device); }
};

struct FreeContext {
  void operator()(udev* context) const { udev_unref(context); }
};

struct FreeQueue {
  void operator()(udev_queue* queue) const { udev_queue_unref(queue); }
};

std::string Text(const char* text) { return text == nullptr ? "" : text; }

DeviceEvent EventOf(udev_device* device) {
  DeviceEvent event;
  event.action = Text(udev_device_get_action(device));
  event.subsystem = Text(udev_device_get_subsystem(device));
  event.name = Text(udev_device_get_sysname(device));
  event.node = Text(udev_device_get_devnode(device));
  const auto address = PciAddress::Parse(event.name);
  if (event.subsystem == "pci" && address) event.address = *address;
  return event;
}

base::Failure TimedOut() {
  return base::Fail(base::Code::kTimedOut, "no device event came in time",
                    "udevadm monitor shows the events; systemctl status systemd-udevd, the daemon");
}

}  // namespace

struct Monitor::Handles {
  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    udev_monitor_unref(monitor);
    udev_unref(context);
  }
  udev* context = nullptr;
  udev_monitor* monitor = nullptr;
};

Monitor::Monitor(std::unique_ptr<Handles> handles) : handles_(std::move(handles)) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

base::Result<Monitor> Monitor::Open(const std::vector<std::string>& subsystems,
                                    EventSource source) {
  constexpr const char* kWhat = "listen to device events";
  auto handles = std::make_unique<Handles>();
  handles->context = udev_new();
  if (handles->context == nullptr) return base::FailErrno(kWhat, errno);
  handles->monitor = udev_monitor_new_from_netlink(
      handles->context, source == EventSource::kUdev ? "udev" : "kernel");
  if (handles->monitor == nullptr) return base::FailErrno(kWhat, errno);
  for (const std::string& subsystem : subsystems) {
    const int result = udev_monitor_filter_add_match_subsystem_devtype(handles->monitor,
                                                                       subsystem.c_str(), nullptr);
    if (result < 0) return base::FailErrno(kWhat, -result);
  }
  // Thousands of functions may come at once. Without the right to, the usual size has to do.
  constexpr int kBuffer = 8 << 20;
  (void)udev_monitor_set_receive_buffer_size(handles->monitor, kBuffer);
  if (const int result = udev_monitor_enable_receiving(handles->monitor); result < 0)
    return base::FailErrno(kWhat, -result);
  return Monitor(std::move(handles));
}

int Monitor::fd() const { return udev_monitor_get_fd(handles_->monitor); }

std::optional<DeviceEvent> Monitor::Next() {
  const std::unique_ptr<udev_device, FreeDevice> device(
      udev_monitor_receive_device(handles_->monitor));
  if (device == nullptr) return std::nullopt;
  return EventOf(device.get());
}

base::Result<bool> Monitor::Poll(Deadline deadline) const {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{fd(), POLLIN, 0};
    const int count =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX)));
    if (count >= 0) return count > 0;
    if (errno != EINTR) return base::FailErrno("wait for device events", errno);
  }
}

base::Result<DeviceEvent> Monitor::WaitFor(const std::function<bool(const DeviceEvent&)>& predicate,
                                           Deadline deadline) {
  while (true) {
    while (auto event = Next()) {
      if (predicate(*event)) return std::move(*event);
    }
    if (!TRY(Poll(deadline))) return TimedOut();
  }
}

base::Status Monitor::WaitUntil(const std::function<bool()>& holds, Deadline deadline) {
  constexpr std::chrono::milliseconds kInterval(100);
  while (!holds()) {
    const auto now = Clock::now();
    if (now >= deadline) return TimedOut();
    TRY(Poll(std::min(deadline, now + kInterval)));
    while (Next()) {
    }
  }
  return {};
}

bool AwaitUdevIdle(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kInterval(100);
  const auto deadline = Clock::now() + limit;
  const std::unique_ptr<udev, FreeContext> context(udev_new());
  if (context == nullptr) return false;
  const std::unique_ptr<udev_queue, FreeQueue> queue(udev_queue_new(context.get()));
  if (queue == nullptr) return false;
  const int fd = udev_queue_get_fd(queue.get());  // an inotify of /run/udev
  while (udev_queue_get_queue_is_empty(queue.get()) == 0) {
    const auto now = Clock::now();
    if (now >= deadline) return false;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now);
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(std::min(left, kInterval).count())) > 0)
      udev_queue_flush(queue.get());
  }
  return true;
}

}  // namespace sysfs
