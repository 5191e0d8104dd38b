#include "cli/machines/plan_emulated.h"

#include <fmt/format.h>

#include "sysfs/base/text.h"

namespace cli {
namespace {

std::string CacheText(vmm::virtio::CacheMode mode) {
  const std::string name(CacheName(mode));
  return mode == vmm::virtio::CacheMode::kUnsafe
             ? name + ": what the guest has written may be lost when the host fails"
             : name;
}

std::string RateText(const vmm::virtio::RateLimits& rate) {
  std::vector<std::string> parts;
  if (rate.operations != 0) parts.push_back(fmt::format("{} requests", rate.operations));
  if (rate.bytes != 0) parts.push_back(base::FormatSize(rate.bytes));
  return fmt::format("{} in a second", fmt::join(parts, " and "));
}

std::string LinkText(const vmm::virtio::NetOptions& net) {
  if (const auto* const socket = std::get_if<vmm::virtio::SocketLink>(&net.link)) {
    return fmt::format("socket {}{}", socket->path, socket->listen ? ", waits for its peer" : "");
  }
  if (const auto* const macvtap = std::get_if<vmm::virtio::MacvtapLink>(&net.link)) {
    return fmt::format("a new macvtap over {}, worked off by a thread of the machine",
                       macvtap->lower);
  }
  const auto& tap = std::get<vmm::virtio::TapLink>(net.link);
  return fmt::format("{}, {}", tap.interface.empty() ? "a new tap" : "tap " + tap.interface,
                     tap.vhost ? "worked off by the host's kernel (vhost)"
                               : "worked off by a thread of the machine");
}

std::string QueuesText(unsigned count, bool packed) {
  return fmt::format("{}{}", count, packed ? ", packed where the driver knows them" : "");
}

}  // namespace

void AddDisk(Page& page, const vmm::virtio::BlkOptions& disk, const vmm::DiskPreview& seen) {
  page.Section(fmt::format("Disk {}", seen.id));
  page.Line("file", fmt::format("{}{}{}", disk.image.file,
                                seen.bytes == 0 ? std::string()
                                                : fmt::format(", {}", base::FormatSize(seen.bytes)),
                                disk.image.readonly ? ", read-only" : ""));
  page.Line("in the guest", fmt::format("behind port{}, can be unplugged", seen.port));
  page.Line("queues", QueuesText(disk.queues, disk.packed));
  page.Line("cache", CacheText(disk.image.cache));
  if (disk.rate.any()) page.Line("at most", RateText(disk.rate));
}

Json DiskJson(const vmm::virtio::BlkOptions& disk, const vmm::DiskPreview& seen) {
  return {{"id", seen.id},
          {"file", disk.image.file},
          {"bytes", seen.bytes == 0 ? Json(nullptr) : Json(seen.bytes)},
          {"readonly", disk.image.readonly},
          {"cache", CacheName(disk.image.cache)},
          {"queues", disk.queues},
          {"packed", disk.packed},
          {"iops", disk.rate.operations},
          {"bps", disk.rate.bytes},
          {"port", seen.port}};
}

void AddNet(Page& page, const vmm::virtio::NetOptions& net, const vmm::NetPreview& seen) {
  page.Section(fmt::format("Network {}", seen.id));
  page.Line("link", LinkText(net));
  page.Line("in the guest", fmt::format("behind port{}, can be unplugged", seen.port));
  page.Line("address", net.mac ? net.mac->Text() : "by chance");
  page.Line("queues", QueuesText(net.queues, net.packed));
  if (!net.standby.empty())
    page.Line("stands by for", net.standby + ", which the guest gets when its driver asks for it");
  if (net.mtu) page.Line("MTU", std::to_string(*net.mtu));
  if (net.rate != 0) page.Line("at most", RateText({0, net.rate}) + " in each direction");
}

Json NetJson(const vmm::virtio::NetOptions& net, const vmm::NetPreview& seen) {
  const auto* const tap = std::get_if<vmm::virtio::TapLink>(&net.link);
  const auto* const socket = std::get_if<vmm::virtio::SocketLink>(&net.link);
  const auto* const macvtap = std::get_if<vmm::virtio::MacvtapLink>(&net.link);
  const bool named = tap != nullptr && !tap->interface.empty();
  return {{"id", seen.id},
          {"kind", tap != nullptr       ? "tap"
                   : macvtap != nullptr ? "macvtap"
                                        : "socket"},
          {"interface", named ? Json(tap->interface) : Json(nullptr)},
          {"lower", macvtap != nullptr ? Json(macvtap->lower) : Json(nullptr)},
          {"vhost", tap != nullptr && tap->vhost},
          {"path", socket != nullptr ? Json(socket->path) : Json(nullptr)},
          {"mac", net.mac ? Json(net.mac->Text()) : Json(nullptr)},
          {"mtu", net.mtu ? Json(*net.mtu) : Json(nullptr)},
          {"standby", net.standby.empty() ? Json(nullptr) : Json(net.standby)},
          {"queues", net.queues},
          {"packed", net.packed},
          {"rate", net.rate},
          {"port", seen.port}};
}

void AddBalloon(Page& page, const vmm::Options& options, const vmm::MachinePreview& preview) {
  const vmm::virtio::BalloonOptions& balloon = *options.balloon;
  page.Section(fmt::format("Balloon {}", preview.balloon->id));
  page.Line("in the guest", fmt::format("behind port{}, can be unplugged", preview.balloon->port));
  page.Line("guest has", base::FormatSize(balloon.size.value_or(options.memory_bytes)));
  page.Line("gives back", preview.devices.empty()
                              ? "each page at once"
                              : fmt::format("whole blocks of {}",
                                            base::FormatSize(preview.plan->dma_block_bytes)));
  if (balloon.reporting) page.Line("free pages", "reported");
}

void AddConsole(Page& page, const vmm::Options& options, const vmm::MachinePreview& preview) {
  page.Section(fmt::format("Console {}", preview.console->id));
  page.Line("in the guest",
            fmt::format("hvc0, behind port{}, can be unplugged", preview.console->port));
  page.Line("output", !options.console.empty() ? options.console
                      : options.exec           ? "standard error"
                                               : "the terminal");
}

Json ConsoleJson(const vmm::Options& options, const vmm::MachinePreview& preview) {
  if (!preview.console) return nullptr;
  return {{"id", preview.console->id},
          {"port", preview.console->port},
          {"file", options.console.empty() ? Json(nullptr) : Json(options.console)}};
}

Json BalloonJson(const vmm::Options& options, const vmm::MachinePreview& preview) {
  if (!preview.balloon) return nullptr;
  const vmm::virtio::BalloonOptions& balloon = *options.balloon;
  return {{"id", preview.balloon->id},
          {"port", preview.balloon->port},
          {"size", balloon.size.value_or(options.memory_bytes)},
          {"reporting", balloon.reporting},
          {"block_bytes", preview.plan->dma_block_bytes}};
}

}  // namespace cli
