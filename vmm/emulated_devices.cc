#include "vmm/emulated_devices.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "vmm/platform.h"
#include "vmm/virtio/net/net.h"
#include "vmm/virtio/net/tap_plan.h"
#include "vmm/virtio/rate_limit.h"
#include "vmm/virtio/rng.h"

namespace vmm {
namespace {

constexpr std::chrono::seconds kResizePatience{3};

// Of one device, on the devices' thread.
NoticeHandler AtMostOneInASecond(NoticeHandler notice) {
  return [notice = std::move(notice),
          bucket = std::make_shared<virtio::TokenBucket>(1)](DeviceNotice what) {
    const auto* const fault = std::get_if<virtio::BlkFault>(&what.what);
    const auto now = virtio::RateLimiter::SteadyTime();
    const bool over = bucket->Delay(now) > std::chrono::nanoseconds(0);
    if (over && (fault == nullptr || !fault->stop)) return;
    bucket->Take(1, now);
    if (notice) notice(std::move(what));
  };
}

virtio::BlkOptions DiskOf(const Options& options, size_t index) {
  virtio::BlkOptions disk = options.disks[index];
  const bool has_monitor = !options.name.empty() || !options.monitor.empty();
  disk.errors = virtio::WithDefaults(disk.errors, has_monitor);
  return disk;
}

base::Result<std::unique_ptr<virtio::Device>> MakeDevice(base::Kernel& kernel,
                                                         const Options& options,
                                                         const PlannedEmulated& planned) {
  if (planned.kind == EmulatedKind::kRng) return std::make_unique<virtio::Rng>();
  if (planned.kind == EmulatedKind::kNet) {
    return std::unique_ptr<virtio::Device>(
        TRY(virtio::Net::Create(kernel, options.nets[planned.index])));
  }
  return std::unique_ptr<virtio::Device>(TRY(virtio::Blk::Create(DiskOf(options, planned.index))));
}

}  // namespace

base::Result<std::unique_ptr<EmulatedDevices>> EmulatedDevices::Create(
    base::Kernel& kernel, const sysfs::Tree& tree, const Options& options,
    const std::vector<PlannedEmulated>& plan, const GuestMemory& memory, NoticeHandler notice) {
  for (const virtio::NetOptions& net : options.nets) TRY(virtio::CheckLink(tree, net));
  std::unique_ptr<EmulatedDevices> devices(new EmulatedDevices(memory, std::move(notice)));
  if (!plan.empty()) devices->io_ = TRY(virtio::IoThread::Create());
  for (const PlannedEmulated& planned : plan) TRY(devices->Add(kernel, options, planned));
  return devices;
}

base::Status EmulatedDevices::Add(base::Kernel& kernel, const Options& options,
                                  const PlannedEmulated& planned) {
  std::unique_ptr<virtio::Device> device = TRY(MakeDevice(kernel, options, planned));
  const NoticeHandler notice = AtMostOneInASecond(notice_);
  auto* const disk = dynamic_cast<virtio::Blk*>(device.get());
  if (disk != nullptr) {
    disk->OnFault([notice, id = planned.id](const virtio::BlkFault& fault) {
      notice({id, fault});
    });
  }
  virtio::VirtioPciOptions pci{planned.id, IntxGsi(planned.guest_slot, 0), {}};
  pci.broken = [notice, id = planned.id](uint16_t queue, std::string_view reason) {
    notice({id, QueueBroken{queue, std::string(reason)}});
  };
  all_.push_back({planned.id, planned.devfn(),
                  TRY(virtio::VirtioPci::Create(std::move(pci), std::move(device), ram_, *io_)),
                  disk});
  return {};
}

base::Result<uint64_t> EmulatedDevices::ResizeDisk(const std::string& id,
                                                   std::optional<uint64_t> bytes) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Emulated& one) {
    return one.id == id && one.disk != nullptr;
  });
  if (found == all_.end())
    return base::Fail(base::Code::kNotFound, id + ": no disk of this machine");
  auto answer = std::make_shared<std::promise<base::Result<uint64_t>>>();
  auto size = answer->get_future();
  io_->loop().Post([answer, bytes, disk = found->disk, function = found->function] {
    answer->set_value(disk->Resize(bytes));
  });
  if (size.wait_for(kResizePatience) == std::future_status::ready) return size.get();
  return base::Fail(base::Code::kTimedOut, id + ": the host's storage does not answer",
                    "query-block shows the size when it has");
}

void EmulatedDevices::Retry() {
  for (const Emulated& one : all_) {
    if (one.disk == nullptr) continue;
    io_->loop().Post([disk = one.disk, function = one.function] { disk->Retry(); });
  }
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
  return id;
}

}  // namespace vmm
