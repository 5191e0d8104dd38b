#include "cli/devices/watch_source.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "vmm/signals.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

class Host {
 public:
  Host(sysfs::Monitor monitor, vmm::SignalSource signals, std::chrono::milliseconds interval)
      : monitor_(std::move(monitor)),
        signals_(std::move(signals)),
        interval_(interval),
        next_look_(Clock::now() + interval) {}

  base::Result<Wake> Wait() {
    Wake wake;
    while (!wake.stop && !wake.look_at_all && wake.events.empty()) TRY(WaitOnce(wake));
    return wake;
  }

 private:
  base::Status WaitOnce(Wake& wake) {
    std::array<pollfd, 3> waiting = {{{monitor_.fd(), POLLIN, 0},
                                      {signals_.fd().raw(), POLLIN, 0},
                                      {STDOUT_FILENO, 0, 0}}};  // errors alone: its reader left
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(next_look_ - Clock::now()).count();
    const int count = ::poll(waiting.data(), waiting.size(),
                             static_cast<int>(std::clamp<int64_t>(left, 0, INT32_MAX)));
    if (count < 0 && errno != EINTR) return base::FailErrno("wait for device events", errno);
    if (count < 0) return {};
    // Taken: a signal that still waits would end the program when the mask is given back.
    const bool has_signal = signals_.Take().has_value();
    wake.stop = has_signal || (waiting[2].revents & (POLLERR | POLLHUP)) != 0;
    while (auto event = monitor_.Next()) wake.events.push_back(std::move(*event));
    if (Clock::now() >= next_look_) {
      wake.look_at_all = true;
      next_look_ = Clock::now() + interval_;
    }
    return {};
  }

  sysfs::Monitor monitor_;
  vmm::SignalSource signals_;
  std::chrono::milliseconds interval_;
  Clock::time_point next_look_;
};

}  // namespace

base::Result<WatchSource> HostWatchSource(std::chrono::milliseconds interval) {
  constexpr std::array kStops = {SIGINT, SIGTERM};
  auto signals = TRY(vmm::SignalSource::Create(kStops));
  auto monitor = TRY(sysfs::Monitor::Open({"pci"}, sysfs::EventSource::kKernel));
  const auto host = std::make_shared<Host>(std::move(monitor), std::move(signals), interval);
  return WatchSource{[host] { return host->Wait(); }, std::chrono::system_clock::now};
}

}  // namespace cli
