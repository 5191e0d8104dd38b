#include "vmm/emulated_devices.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/log.h"
#include "vmm/platform.h"
#include "vmm/virtio/blk/blk.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/net/tap_plan.h"
#include "vmm/virtio/rng.h"

namespace vmm {
namespace {

EmulatedStats StatsOf(const EmulatedDevices::Emulated& one) {
  const virtio::DeviceCounters& counters = one.function->counters();
  return {one.id,
          counters.traps,
          counters.kicks,
          counters.batches,
          counters.requests,
          counters.interrupts,
          counters.suppressed};
}

std::shared_ptr<virtio::BlkRing> MakeRing() {
  auto ring = virtio::BlkRing::Create();
  if (ring) return *ring;
  base::Log(base::Level::kInfo, "vmm: disks are read and written by threads: {}",
            ring.error().message());
  return nullptr;
}

}  // namespace

base::Result<std::unique_ptr<EmulatedDevices>> EmulatedDevices::Create(
    base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
    const std::vector<PlannedEmulated>& plan, const GuestMemory& memory) {
  std::unique_ptr<EmulatedDevices> devices(new EmulatedDevices(kernel, tree, memory));
  for (const virtio::NetOptions& net : options.nets) TRY(virtio::CheckLink(tree, net));
  const bool has_monitor = !options.name.empty() || !options.monitor.empty();
  if (has_monitor || !options.disks.empty()) devices->ring_ = MakeRing();
  for (const PlannedEmulated& planned : plan) TRY(devices->Add(planned));
  return devices;
}

base::Result<std::unique_ptr<virtio::Device>> EmulatedDevices::Make(
    const EmulatedRequest& request) {
  if (const auto* const disk = std::get_if<virtio::BlkOptions>(&request)) {
    return std::unique_ptr<virtio::Device>(TRY(virtio::Blk::Create(*disk, ring_)));
  }
  if (const auto* const net = std::get_if<virtio::NetOptions>(&request)) {
    TRY(virtio::CheckLink(*tree_, *net));
    return std::unique_ptr<virtio::Device>(TRY(virtio::Net::Create(*kernel_, *net)));
  }
  return std::make_unique<virtio::Rng>();
}

base::Result<std::shared_ptr<virtio::VirtioPci>> EmulatedDevices::Add(
    const PlannedEmulated& planned) {
  if (!io_) io_ = TRY(virtio::IoThread::Create());
  std::unique_ptr<virtio::Device> device = TRY(Make(planned.request));
  auto function = TRY(virtio::VirtioPci::Create({planned.id, IntxGsi(planned.guest_slot, 0)},
                                                std::move(device), ram_, *io_));
  all_.push_back({planned.id, planned.devfn(), function});
  return function;
}

// What ran last on the thread may still hold it.
void EmulatedDevices::End(Emulated taken) {
  taken.function->Drain();
  io_->Settle();
}

EmulatedDevices::~EmulatedDevices() {
  for (const Emulated& one : all_) one.function->Drain();
}

std::string EmulatedDevices::FreeId(const EmulatedRequest& request) const {
  for (unsigned number = 0;; ++number) {
    std::string id = fmt::format("{}{}", KindOf(request).name, number);
    const bool taken =
        std::any_of(all_.begin(), all_.end(), [&](const Emulated& one) { return one.id == id; });
    if (!taken) return id;
  }
}

std::vector<EmulatedStats> EmulatedDevices::stats() const {
  std::vector<EmulatedStats> all = gone_;
  for (const Emulated& one : all_) all.push_back(StatsOf(one));
  return all;
}

std::optional<EmulatedDevices::Emulated> EmulatedDevices::Take(uint8_t port) {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Emulated& one) { return one.port == port; });
  if (found == all_.end()) return std::nullopt;
  Emulated taken = std::move(*found);
  all_.erase(found);
  gone_.push_back(StatsOf(taken));
  return taken;
}

}  // namespace vmm
