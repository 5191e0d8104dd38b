#include "vmm/emulated_devices.h"

#include <algorithm>

#include "vmm/platform.h"
#include "vmm/virtio/blk/blk.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/net/tap_plan.h"
#include "vmm/virtio/rng.h"

namespace vmm {

base::Result<std::unique_ptr<virtio::Device>> EmulatedDevices::MakeDevice(
    base::Kernel& kernel, const Options& options, const PlannedEmulated& planned) {
  using Made = std::unique_ptr<virtio::Device>;
  if (planned.kind == EmulatedKind::kRng) return std::make_unique<virtio::Rng>();
  if (planned.kind == EmulatedKind::kDisk) {
    return Made(TRY(virtio::Blk::Create(options.disks[planned.index])));
  }
  const virtio::NetOptions& net = options.nets[planned.index];
  if (const auto* const link = std::get_if<virtio::MacvtapLink>(&net.link)) {
    const auto made =
        macvtaps_.insert_or_assign(planned.id, TRY(virtio::Macvtap::Create(link->lower, net.mac)));
    return Made(TRY(virtio::Net::CreateMacvtap(kernel, net, made.first->second)));
  }
  return Made(TRY(virtio::Net::Create(kernel, net)));
}

base::Result<std::unique_ptr<EmulatedDevices>> EmulatedDevices::Create(
    base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
    const std::vector<PlannedEmulated>& plan, const GuestMemory& memory) {
  for (const virtio::NetOptions& net : options.nets) TRY(virtio::CheckLink(tree, net));
  std::unique_ptr<EmulatedDevices> devices(new EmulatedDevices(memory));
  if (!plan.empty()) devices->io_ = TRY(virtio::IoThread::Create());
  for (const PlannedEmulated& planned : plan) TRY(devices->Add(kernel, options, planned));
  return devices;
}

base::Status EmulatedDevices::Add(base::Kernel& kernel, const Options& options,
                                  const PlannedEmulated& planned) {
  std::unique_ptr<virtio::Device> device = TRY(MakeDevice(kernel, options, planned));
  all_.push_back({planned.id, planned.devfn(),
                  TRY(virtio::VirtioPci::Create({planned.id, IntxGsi(planned.guest_slot, 0)},
                                                std::move(device), ram_, *io_))});
  return {};
}

EmulatedDevices::~EmulatedDevices() {
  for (const Emulated& one : all_) closed_.push_back(one.function);
  for (const auto& function : closed_) function->Drain();
}

std::vector<EmulatedStats> EmulatedDevices::stats() const {
  std::vector<EmulatedStats> all;
  for (const Emulated& one : all_) {
    const virtio::DeviceCounters& counters = one.function->counters();
    all.push_back({one.id, counters.traps, counters.kicks, counters.batches, counters.requests,
                   counters.interrupts, counters.suppressed});
  }
  return all;
}

std::optional<std::string> EmulatedDevices::Close(uint8_t port) {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Emulated& one) { return one.port == port; });
  if (found == all_.end()) return std::nullopt;
  std::string id = std::move(found->id);
  if (!found->function->idle()) closed_.push_back(found->function);
  all_.erase(found);
  macvtaps_.erase(id);
  return id;
}

}  // namespace vmm
