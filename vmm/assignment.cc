#include "vmm/assignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "sysfs/base/log.h"
#include "vfio/irq_line.h"
#include "vfio/memlock.h"
#include "vmm/confinement/confine.h"
#include "vmm/thread.h"

namespace vmm {
namespace {

using Opened = Assignment::Opened;

// What the threads that open devices have in common.
struct Opening {
  base::Kernel& kernel;
  const sysfs::Tree& tree;
  vfio::DmaSpace& space;
  const Assignment::Hooks& hooks;
};

Opened OpenDevice(const Opening& common, const PlannedDevice& planned) {
  base::Fd fd = TRY(common.space.OpenDevice(planned.host, planned.vf_token));
  assigned::DeviceOptions options;
  options.guest_slot = planned.guest_slot;
  options.behind_port = planned.behind_port;
  options.config = planned.config;
  options.rom = planned.rom;
  options.later = common.hooks.later;
  if (common.hooks.mastering) {
    options.mastering = [tell = common.hooks.mastering, host = planned.host](bool on) {
      tell(host, on);
    };
  }
  options.explain_intx = [&tree = common.tree, host = planned.host](base::Error why) {
    return vfio::ExplainIntx(std::move(why), host, vfio::ReadIrqLine(tree, host));
  };
  return assigned::AssignedDevice::Create(
      TRY(vfio::Device::Create(common.kernel, planned.host, std::move(fd))), std::move(options));
}

Opened OpenConfined(const Opening& common, const PlannedDevice& planned) {
  TRY(confinement::Confine(confinement::ThreadKind::kOpener));
  return OpenDevice(common, planned);
}

}  // namespace

base::Status Assignment::OpenSpace(const std::vector<PlannedDevice>& devices) {
  std::vector<sysfs::PciAddress> addresses;
  for (const PlannedDevice& device : devices) addresses.push_back(device.host);
  vfio::BackendFacts facts = vfio::ProbeBackends(*kernel_, *tree_, addresses);
  facts.vf_token = NeedsToken(devices);
  const vfio::Choice choice = TRY(vfio::ChooseBackend(facts, wanted_));
  base::Log(base::Level::kInfo, "vmm: DMA by {}", choice.reason);
  space_ = TRY(vfio::OpenSpace(*kernel_, *tree_, choice.backend));
  return {};
}

void Assignment::DropSpace() {
  ram_->Forget();
  space_.reset();
  ram_->DiscardRest();
}

base::Result<Assignment> Assignment::Start(base::Kernel& kernel, const sysfs::Tree& tree,
                                           const MachinePlan& plan, vfio::Backend wanted,
                                           DmaRam& ram, const vfio::KvmLink& link, Hooks hooks) {
  Assignment assignment(kernel, tree, wanted, ram, std::move(hooks));
  std::vector<PlannedDevice> devices;
  std::copy_if(plan.devices.begin(), plan.devices.end(), std::back_inserter(devices),
               [](const PlannedDevice& one) { return !one.hidden; });
  if (devices.empty()) return assignment;
  TRY(assignment.OpenSpace(devices));
  vfio::DmaSpace& space = *assignment.space_;
  for (const PlannedDevice& device : devices) TRY(space.Claim(device.host, link));

  // Written by the threads, read when they have ended.
  std::vector<std::optional<Opened>> results(devices.size());
  base::Status mapped;
  {
    const Opening common = {kernel, tree, space, assignment.hooks_};
    std::vector<Thread> opening;
    for (size_t i = 0; i < results.size(); ++i) {
      const auto open = [&common, &device = devices[i], &result = results[i]] {
        result = OpenConfined(common, device);
      };
      opening.push_back(TRY(Thread::Start("opener", open)));
    }
    mapped = assignment.hooks_.populated();
    if (mapped) mapped = ram.MapInto(space);
  }
  base::Status opened;
  for (std::optional<Opened>& result : results) {
    if (*result) {
      assignment.devices_.push_back(std::move(**result));
    } else if (opened) {
      opened = base::Failure(std::move(*result).error());
    }
  }
  TRY(opened);
  TRY(mapped);
  assignment.TellResets();
  return assignment;
}

// type1 takes maps only once it has a group; iommufd attaches a device to what is mapped.
base::Result<Assignment::Needs> Assignment::Claim(const PlannedDevice& device,
                                                  const vfio::KvmLink& link) {
  const std::lock_guard lock(resets_->mutex);
  if (!space_) TRY(OpenSpace({device}));
  if (base::Status claimed = space_->Claim(device.host, link); !claimed) {
    if (devices_.empty()) DropSpace();
    return base::Failure(std::move(claimed).error());
  }
  claimed_ = true;
  return devices_.empty() ? Needs::kRam : Needs::kNothing;
}

Opened Assignment::Open(const PlannedDevice& device, Needs needs) {
  if (needs == Needs::kRam) TRY(ram_->MapInto(*space_));
  return OpenDevice({*kernel_, *tree_, *space_, hooks_}, device);
}

Opened Assignment::Finish(const PlannedDevice& device, Opened opened, const vfio::KvmLink& unlink) {
  const std::lock_guard lock(resets_->mutex);
  claimed_ = false;
  if (opened) {
    devices_.push_back(*opened);
    PrepareCardsLocked();
  } else {
    Release(device.host, unlink);
  }
  return opened;
}

void Assignment::Release(const sysfs::PciAddress& device, const vfio::KvmLink& unlink) {
  if (const base::Status released = space_->Release(device, unlink); !released) {
    base::Log(base::Level::kWarning, "{}: {}", device.ToString(), released.error().message());
  }
  if (devices_.empty() && !claimed_) DropSpace();
}

void Assignment::Remove(const std::shared_ptr<assigned::AssignedDevice>& device,
                        const vfio::KvmLink& unlink) {
  const std::lock_guard lock(resets_->mutex);
  const sysfs::PciAddress address = device->address();
  std::erase(devices_, device);
  PrepareCardsLocked();
  Release(address, unlink);
}

base::Result<std::vector<LostDevice>> Assignment::Restart(const vfio::KvmLink& link) {
  const std::lock_guard lock(resets_->mutex);
  if (!space_) return std::vector<LostDevice>();
  TRY(space_->Relink(link));
  return PerformReset(PrepareReset(*tree_, *space_, devices_, devices_), resets_->log);
}

void Assignment::PrepareCard(const AssignedDevices& card) {
  const std::lock_guard lock(resets_->mutex);
  resets_->cards.push_back(PrepareReset(*tree_, *space_, card, devices_));
}

// What belongs to whom has changed.
void Assignment::PrepareCardsLocked() {
  std::erase_if(resets_->cards, [&](const PreparedReset& card) {
    return !std::all_of(card.devices.begin(), card.devices.end(), [&](const auto& device) {
      return std::find(devices_.begin(), devices_.end(), device) != devices_.end();
    });
  });
  for (PreparedReset& card : resets_->cards) {
    card = PrepareReset(*tree_, *space_, card.devices, devices_);
  }
}

base::Status Assignment::ResetCard(const AssignedDevices& card) {
  const std::lock_guard lock(resets_->mutex);
  const auto prepared = std::find_if(resets_->cards.begin(), resets_->cards.end(),
                                     [&](const PreparedReset& one) { return one.devices == card; });
  if (prepared == resets_->cards.end()) return {};  // it is leaving
  std::vector<LostDevice> lost = PerformReset(*prepared, resets_->log);
  if (lost.empty()) return {};
  return base::Failure(std::move(lost.front().why));
}

void Assignment::TellResets() const {
  for (const vfio::ResetScope& scope : PlanDeviceResets(*tree_, devices_, devices_)) {
    if (scope.complete() && scope.together.empty()) continue;
    base::Log(scope.complete() ? base::Level::kInfo : base::Level::kWarning,
              "{}: reset at a reboot: {}", scope.device.ToString(), scope.Text());
  }
}

}  // namespace vmm
