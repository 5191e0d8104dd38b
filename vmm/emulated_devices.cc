#include "vmm/emulated_devices.h"

#include <algorithm>

#include "vmm/platform.h"
#include "vmm/virtio/blk/blk.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/net/tap_plan.h"
#include "vmm/virtio/rng.h"

namespace vmm {
namespace {

std::unique_ptr<virtio::Balloon> MakeBalloon(const Options& options, const std::string& id,
                                             const BalloonSetup& setup) {
  const virtio::BalloonOptions& wanted = *options.balloon;
  virtio::BalloonShape shape;
  shape.name = id;
  shape.must_tell = !options.assign.empty();
  shape.deflate_on_oom = wanted.deflate_on_oom.value_or(options.assign.empty());
  shape.reporting = wanted.reporting;
  shape.statistics = wanted.statistics;
  const uint64_t size = std::min(wanted.size.value_or(options.memory_bytes), options.memory_bytes);
  shape.target = static_cast<uint32_t>((options.memory_bytes - size) / base::kPageSize);
  return std::make_unique<virtio::Balloon>(std::move(shape), *setup.ram, setup.wiring);
}

base::Result<std::unique_ptr<virtio::Device>> MakeDevice(base::Kernel& kernel,
                                                         const Options& options,
                                                         const PlannedEmulated& planned) {
  if (planned.kind == EmulatedKind::kRng) return std::make_unique<virtio::Rng>();
  if (planned.kind == EmulatedKind::kNet) {
    return std::unique_ptr<virtio::Device>(
        TRY(virtio::Net::Create(kernel, options.nets[planned.index])));
  }
  return std::unique_ptr<virtio::Device>(TRY(virtio::Blk::Create(options.disks[planned.index])));
}

}  // namespace

base::Result<std::unique_ptr<EmulatedDevices>> EmulatedDevices::Create(
    base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
    const std::vector<PlannedEmulated>& plan, const GuestMemory& memory,
    const BalloonSetup& balloon) {
  for (const virtio::NetOptions& net : options.nets) TRY(virtio::CheckLink(tree, net));
  std::unique_ptr<EmulatedDevices> devices(new EmulatedDevices(memory));
  if (!plan.empty()) devices->io_ = TRY(virtio::IoThread::Create());
  for (const PlannedEmulated& planned : plan) TRY(devices->Add(kernel, options, planned, balloon));
  return devices;
}

base::Status EmulatedDevices::Add(base::Kernel& kernel, const Options& options,
                                  const PlannedEmulated& planned, const BalloonSetup& balloon) {
  std::unique_ptr<virtio::Device> device;
  Emulated one{planned.id, planned.devfn(), nullptr, nullptr};
  if (planned.kind == EmulatedKind::kBalloon) {
    auto made = MakeBalloon(options, planned.id, balloon);
    one.balloon = made.get();
    device = std::move(made);
  } else {
    device = TRY(MakeDevice(kernel, options, planned));
  }
  one.function = TRY(virtio::VirtioPci::Create({planned.id, IntxGsi(planned.guest_slot, 0)},
                                               std::move(device), ram_, *io_));
  all_.push_back(std::move(one));
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

const EmulatedDevices::Emulated* EmulatedDevices::FindBalloon() const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [](const Emulated& one) { return one.balloon != nullptr; });
  return found == all_.end() ? nullptr : &*found;
}

std::optional<virtio::BalloonState> EmulatedDevices::balloon() const {
  const Emulated* const found = FindBalloon();
  if (found == nullptr) return std::nullopt;
  return found->balloon->state();
}

void EmulatedDevices::WithBalloon(std::function<void(virtio::Balloon&)> function) const {
  const Emulated* const found = FindBalloon();
  if (found == nullptr) return;
  io_->loop().Post([owner = found->function, balloon = found->balloon,
                    function = std::move(function)] { function(*balloon); });
}

void EmulatedDevices::DrainBalloon() const {
  if (const Emulated* const found = FindBalloon()) found->function->Drain();
}

std::optional<std::string> EmulatedDevices::Close(uint8_t port) {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Emulated& one) { return one.port == port; });
  if (found == all_.end()) return std::nullopt;
  std::string id = std::move(found->id);
  if (!found->function->idle()) closed_.push_back(found->function);
  all_.erase(found);
  return id;
}

}  // namespace vmm
