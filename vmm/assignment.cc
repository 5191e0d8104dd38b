#include "vmm/assignment.h"

#include <fmt/format.h>

#include <future>

#include "sysfs/base/log.h"
#include "vfio/irq_line.h"
#include "vfio/memlock.h"

namespace vmm {
namespace {

using Opened = base::Result<std::shared_ptr<assigned::AssignedDevice>>;

Opened OpenDevice(base::Kernel& kernel, const sysfs::Tree& tree, vfio::DmaSpace& space,
                  const PlannedDevice& planned) {
  base::Fd fd = TRY(space.OpenDevice(planned.host));
  assigned::DeviceOptions options;
  options.guest_slot = planned.guest_slot;
  options.config = planned.config;
  options.explain_intx = [&tree, host = planned.host](base::Error why) {
    return vfio::ExplainIntx(std::move(why), host, vfio::ReadIrqLine(tree, host));
  };
  return assigned::AssignedDevice::Create(
      TRY(vfio::Device::Create(kernel, planned.host, std::move(fd))), std::move(options));
}

base::Status MapMemory(vfio::DmaSpace& space, const GuestMemory& memory) {
  for (const GuestMemory::Block& block : memory.blocks()) {
    TRY(space.Map(base::Iova{block.base.value}, block.mapping.bytes()));
  }
  return {};
}

base::Result<vfio::Backend> Choose(base::Kernel& kernel, const sysfs::Tree& tree,
                                   const MachinePlan& plan, vfio::Backend wanted) {
  std::vector<sysfs::PciAddress> addresses;
  for (const PlannedDevice& device : plan.devices) addresses.push_back(device.host);
  const vfio::BackendFacts facts = vfio::ProbeBackends(kernel, tree, addresses);
  const vfio::Choice choice = TRY(vfio::ChooseBackend(facts, wanted));
  base::Log(base::Level::kInfo, "vmm: DMA by {}", choice.reason);
  return choice.backend;
}

}  // namespace

base::Result<Assignment> Assignment::Start(base::Kernel& kernel, const sysfs::Tree& tree,
                                           const MachinePlan& plan, vfio::Backend wanted,
                                           const GuestMemory& memory, const vfio::KvmLink& link) {
  Assignment assignment;
  if (plan.devices.empty()) return assignment;
  const vfio::Backend backend = TRY(Choose(kernel, tree, plan, wanted));
  assignment.space_ = TRY(vfio::OpenSpace(kernel, tree, backend));
  vfio::DmaSpace& space = *assignment.space_;
  for (const PlannedDevice& device : plan.devices) TRY(space.Claim(device.host, link));

  std::vector<std::future<Opened>> opening;
  for (const PlannedDevice& device : plan.devices) {
    opening.push_back(std::async(std::launch::async, [&kernel, &tree, &space, &device] {
      return OpenDevice(kernel, tree, space, device);
    }));
  }
  const base::Status mapped = MapMemory(space, memory);
  base::Status opened;
  for (std::future<Opened>& one : opening) {
    Opened device = one.get();
    if (device) {
      assignment.devices_.push_back(std::move(*device));
    } else if (opened) {
      opened = base::Failure(std::move(device).error());
    }
  }
  TRY(opened);
  TRY(mapped);
  return assignment;
}

base::Status Assignment::Restart(const vfio::KvmLink& link) {
  if (!space_) return {};
  TRY(space_->Relink(link));
  for (const auto& device : devices_) TRY(device->ResetForReboot());
  return {};
}

}  // namespace vmm
