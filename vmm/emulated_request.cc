#include "vmm/emulated_request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "vmm/virtio/balloon/settings.h"
#include "vmm/virtio/blk/settings.h"
#include "vmm/virtio/net/settings.h"

namespace vmm {
namespace {

// In the order of EmulatedRequest.
constexpr std::array kKinds = {
    EmulatedKind{"disk", "virtio-blk-pci", "virtio_blk"},
    EmulatedKind{"net", "virtio-net-pci", "virtio_net"},
    EmulatedKind{"rng", "virtio-rng-pci", "virtio_rng"},
    EmulatedKind{"balloon", "virtio-balloon-pci", "virtio_balloon"},
    EmulatedKind{"console", "virtio-console-pci", "virtio_console"},
};
static_assert(kKinds.size() == std::variant_size_v<EmulatedRequest>);

// `first` stands in front of the others, without its name.
base::Result<std::vector<std::string>> InOrder(const std::vector<EmulatedSetting>& settings,
                                               std::string_view first) {
  std::vector<std::string> parts(1);
  bool given = false;
  for (const EmulatedSetting& one : settings) {
    if (one.name == first && !std::exchange(given, true)) {
      parts.front() = one.value;
    } else if (one.value == "true") {
      parts.push_back(one.name);
    } else if (one.value != "false") {
      parts.push_back(one.name + "=" + one.value);
    }
  }
  if (given) return parts;
  return base::Fail(base::Code::kUsage, fmt::format("{}= is missing", first));
}

base::Result<EmulatedRequest> ParseConsole(const std::vector<EmulatedSetting>& settings) {
  const std::vector<std::string> parts = TRY(InOrder(settings, "file"));
  if (parts.front().empty()) return base::Fail(base::Code::kUsage, "the file's name is empty");
  if (parts.size() == 1) return ConsoleRequest{parts.front()};
  return base::Fail(base::Code::kUsage,
                    fmt::format("{}: not a setting of {}", parts[1], kKinds.back().driver),
                    "it takes file=FILE");
}

std::vector<std::string_view> ViewsOf(const std::vector<std::string>& parts) {
  return {parts.begin(), parts.end()};
}

}  // namespace

EmulatedKind KindOf(const EmulatedRequest& request) { return kKinds.at(request.index()); }

unsigned QueuesOf(const EmulatedRequest& request) {
  if (const auto* const disk = std::get_if<virtio::BlkOptions>(&request)) return disk->queues;
  // Two for each pair, and the control queue.
  if (const auto* const net = std::get_if<virtio::NetOptions>(&request)) return 2 * net->queues + 1;
  // Inflation, deflation, statistics, reporting.
  if (std::holds_alternative<virtio::BalloonOptions>(request)) return 4;
  return std::holds_alternative<ConsoleRequest>(request) ? 2 : 1;
}

std::vector<std::string_view> EmulatedDrivers() {
  std::vector<std::string_view> drivers;
  for (const EmulatedKind& kind : kKinds) drivers.push_back(kind.driver);
  return drivers;
}

base::Status CheckHotPlug(const EmulatedRequest& request) {
  const auto* const net = std::get_if<virtio::NetOptions>(&request);
  if (net != nullptr && !net->standby.empty()) {
    return base::Fail(base::Code::kUnfit, "standby=: a pair is made when the machine starts",
                      "start the machine with it; the assigned device may come and go");
  }
  const auto* const socket = net == nullptr ? nullptr : std::get_if<virtio::SocketLink>(&net->link);
  if (socket == nullptr || socket->listen) return {};
  return base::Fail(base::Code::kUnfit,
                    socket->path +
                        ": a running machine connects to nobody (its system calls are "
                        "confined)",
                    "let it listen (listen=true) and the other side connect, or use a tap");
}

base::Result<EmulatedRequest> ParseEmulated(std::string_view driver,
                                            const std::vector<EmulatedSetting>& settings,
                                            unsigned cpus) {
  if (driver == KindOf(virtio::BlkOptions{}).driver) {
    return TRY(virtio::ParseDisk(ViewsOf(TRY(InOrder(settings, "file"))), cpus));
  }
  if (driver == KindOf(virtio::NetOptions{}).driver) {
    return TRY(virtio::ParseNet(ViewsOf(TRY(InOrder(settings, "type")))));
  }
  if (driver == KindOf(virtio::BalloonOptions{}).driver) {
    std::vector<std::string> parts;
    for (const EmulatedSetting& one : settings) parts.push_back(one.name + "=" + one.value);
    return TRY(virtio::ParseBalloon(ViewsOf(parts)));
  }
  if (driver == KindOf(ConsoleRequest{}).driver) return ParseConsole(settings);
  if (driver == KindOf(RngOptions{}).driver) {
    if (settings.empty()) return RngOptions{};
    return base::Fail(base::Code::kUsage,
                      fmt::format("{}: not a setting of {}", settings.front().name, driver));
  }
  return base::Fail(base::Code::kUsage, fmt::format("{}: not a driver of this machine", driver),
                    fmt::format("vfio-pci, {}", fmt::join(EmulatedDrivers(), ", ")));
}

}  // namespace vmm
