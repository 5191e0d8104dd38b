#include "vmm/assignment.h"

#include <fmt/format.h>

#include <future>

#include "sysfs/base/log.h"
#include "vfio/memlock.h"

namespace vmm {
namespace {

using Opened = base::Result<std::shared_ptr<assigned::AssignedDevice>>;

Opened OpenDevice(base::Kernel& kernel, vfio::DmaSpace& space, const sysfs::PciAddress& address,
                  bool behind_port) {
  base::Fd fd = TRY(space.OpenDevice(address));
  return assigned::AssignedDevice::Create(TRY(vfio::Device::Create(kernel, address, std::move(fd))),
                                          behind_port);
}

}  // namespace

base::Status Assignment::OpenSpace(const std::vector<sysfs::PciAddress>& devices) {
  const vfio::BackendFacts facts = vfio::ProbeBackends(*kernel_, *tree_, devices);
  const vfio::Choice choice = TRY(vfio::ChooseBackend(facts, wanted_));
  base::Log(base::Level::kInfo, "vmm: DMA by {}", choice.reason);
  space_ = TRY(vfio::OpenSpace(*kernel_, *tree_, choice.backend));
  return {};
}

base::Status Assignment::MapMemory() {
  for (const GuestMemory::Block& block : memory_->blocks()) {
    TRY(space_->Map(base::Iova{block.base.value}, block.mapping.bytes()));
  }
  return {};
}

base::Result<Assignment> Assignment::Start(base::Kernel& kernel, const sysfs::Tree& tree,
                                           const MachinePlan& plan, vfio::Backend wanted,
                                           const GuestMemory& memory, const vfio::KvmLink& link) {
  Assignment assignment(kernel, tree, wanted, memory);
  if (plan.devices.empty()) return assignment;
  std::vector<sysfs::PciAddress> addresses;
  for (const PlannedDevice& device : plan.devices) addresses.push_back(device.host);
  TRY(assignment.OpenSpace(addresses));
  vfio::DmaSpace& space = *assignment.space_;
  for (const sysfs::PciAddress& address : addresses) TRY(space.Claim(address, link));

  std::vector<std::future<Opened>> opening;
  for (const PlannedDevice& device : plan.devices) {
    opening.push_back(std::async(std::launch::async, [&kernel, &space, &device] {
      return OpenDevice(kernel, space, device.host, device.behind_port);
    }));
  }
  const base::Status mapped = assignment.MapMemory();
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

base::Result<std::shared_ptr<assigned::AssignedDevice>> Assignment::Add(
    const sysfs::PciAddress& device, const vfio::KvmLink& link, const vfio::KvmLink& unlink) {
  if (!space_) TRY(OpenSpace({device}));
  TRY(space_->Claim(device, link));
  // type1 takes maps only once it has a group; iommufd attaches a device to what is mapped.
  auto opened = [&]() -> Opened {
    if (devices_.empty()) TRY(MapMemory());
    return OpenDevice(*kernel_, *space_, device, true);
  }();
  if (opened) {
    devices_.push_back(*opened);
  } else {
    Release(device, unlink);
  }
  return opened;
}

void Assignment::Release(const sysfs::PciAddress& device, const vfio::KvmLink& unlink) {
  if (const base::Status released = space_->Release(device, unlink); !released) {
    base::Log(base::Level::kWarning, "{}: {}", device.ToString(), released.error().message());
  }
  if (devices_.empty()) space_.reset();
}

void Assignment::Remove(const std::shared_ptr<assigned::AssignedDevice>& device,
                        const vfio::KvmLink& unlink) {
  const sysfs::PciAddress address = device->address();
  std::erase(devices_, device);
  Release(address, unlink);
}

base::Status Assignment::Restart(const vfio::KvmLink& link) {
  if (!space_) return {};
  TRY(space_->Relink(link));
  for (const auto& device : devices_) TRY(device->Reset());
  return {};
}

}  // namespace vmm
