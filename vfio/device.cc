#include "vfio/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "sysfs/base/address.h"
#include "vfio/irq_set.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

// More than any device has; what a reply says beyond that is left out.
constexpr uint32_t kMostRegions = 64;
constexpr uint32_t kMostIrqs = 16;
constexpr size_t kMostReplyBytes = size_t{64} * 1024;
constexpr uint64_t kLeastConfigBytes = 256;
constexpr uint64_t kHugeMappingBytes = uint64_t{1} << 30;

// Asks again with the size that the kernel wants: some vendor drivers fill all fields only then.
base::Result<std::vector<std::byte>> RegionReply(base::Kernel& kernel, const base::Fd& fd,
                                                 uint32_t index) {
  std::vector<std::byte> reply(sizeof(::vfio_region_info));
  for (int attempt = 0;; ++attempt) {
    ::vfio_region_info info{};
    info.argsz = static_cast<uint32_t>(reply.size());
    info.index = index;
    std::memcpy(reply.data(), &info, sizeof info);
    TRY(kernel.Ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, reply.data(), "VFIO_DEVICE_GET_REGION_INFO"));
    std::memcpy(&info, reply.data(), sizeof info);
    if (info.argsz <= reply.size() || attempt == 2) return reply;
    if (info.argsz > kMostReplyBytes)
      return base::Fail(base::Code::kKernel,
                        fmt::format("region {}: a reply of {} bytes", index, info.argsz));
    reply.assign(info.argsz, std::byte{0});
  }
}

// Nothing for an index that the device does not have: the kernel says EINVAL or a size of 0.
base::Result<std::optional<Region>> ReadRegionInfo(base::Kernel& kernel, const base::Fd& fd,
                                                   uint32_t index) {
  const auto reply = RegionReply(kernel, fd, index);
  if (!reply) {
    if (reply.error().err() == EINVAL) return std::optional<Region>();
    return base::Failure(reply.error());
  }
  Region region = TRY(ParseRegionInfo(*reply));
  region.index = index;
  if (region.size == 0) return std::optional<Region>();
  return std::optional<Region>(std::move(region));
}

base::Result<IrqInfo> ReadIrqInfo(base::Kernel& kernel, const base::Fd& fd, uint32_t index) {
  ::vfio_irq_info info{};
  info.argsz = sizeof info;
  info.index = index;
  const auto reply = kernel.Ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info, "VFIO_DEVICE_GET_IRQ_INFO");
  if (!reply) {
    if (reply.error().err() == EINVAL) return IrqInfo{};
    return base::Failure(reply.error());
  }
  IrqInfo irq;
  irq.count = info.count;
  irq.eventfd = (info.flags & VFIO_IRQ_INFO_EVENTFD) != 0;
  irq.maskable = (info.flags & VFIO_IRQ_INFO_MASKABLE) != 0;
  irq.automasked = (info.flags & VFIO_IRQ_INFO_AUTOMASKED) != 0;
  irq.no_resize = (info.flags & VFIO_IRQ_INFO_NORESIZE) != 0;
  return irq;
}

// The number of vectors that were free when fewer than asked for were, otherwise 0.
base::Result<int> Send(base::Kernel& kernel, const base::Fd& fd, IrqSet request) {
  return kernel.Ioctl(fd, VFIO_DEVICE_SET_IRQS, request.bytes().data(), "VFIO_DEVICE_SET_IRQS");
}

}  // namespace

base::Result<Device> Device::Create(base::Kernel& kernel, const sysfs::PciAddress& address,
                                    base::Fd fd) {
  Device device(kernel, address, std::move(fd));
  base::Status status = device.ReadInfo();
  if (!status) return base::Failure(std::move(status).error().With(address.ToString()));
  return device;
}

base::Status Device::ReadInfo() {
  ::vfio_device_info info{};
  info.argsz = sizeof info;
  TRY(kernel_->Ioctl(fd_, VFIO_DEVICE_GET_INFO, &info, "VFIO_DEVICE_GET_INFO"));
  if ((info.flags & VFIO_DEVICE_FLAGS_PCI) == 0)
    return base::Fail(base::Code::kUnsupported, "not a PCI device for VFIO");
  resettable_ = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;

  regions_.resize(std::min<uint32_t>(info.num_regions, kMostRegions));
  for (uint32_t i = 0; i < regions_.size(); ++i)
    regions_[i] = TRY(ReadRegionInfo(*kernel_, fd_, i));
  irqs_.resize(std::min<uint32_t>(info.num_irqs, kMostIrqs));
  for (uint32_t i = 0; i < irqs_.size(); ++i) irqs_[i] = TRY(ReadIrqInfo(*kernel_, fd_, i));

  const Region* config = region(kConfigRegion);
  if (config == nullptr || config->size < kLeastConfigBytes)
    return base::Fail(base::Code::kKernel, "no configuration space");
  return {};
}

const Region* Device::region(uint32_t index) const {
  return index < regions_.size() && regions_[index] ? &*regions_[index] : nullptr;
}

IrqInfo Device::irq(uint32_t index) const {
  return index < irqs_.size() ? irqs_[index] : IrqInfo{};
}

base::Result<uint64_t> Device::FileOffset(uint32_t index, uint64_t offset, size_t size) const {
  const Region* found = region(index);
  if (found == nullptr || offset > found->size || size > found->size - offset)
    return base::Fail(base::Code::kInternal,
                      fmt::format("{}: {} bytes at {:#x} are outside of region {}",
                                  address_.ToString(), size, offset, index));
  return found->file_offset + offset;
}

base::Status Device::Read(uint32_t region, uint64_t offset, std::span<std::byte> into) const {
  const uint64_t at = TRY(FileOffset(region, offset, into.size()));
  base::Status status = base::ReadExactAt(fd_, into, at);
  if (status) return status;
  return base::Failure(std::move(status).error().With(
      fmt::format("{}: region {} at {:#x}", address_.ToString(), region, offset)));
}

base::Status Device::Write(uint32_t region, uint64_t offset,
                           std::span<const std::byte> from) const {
  const uint64_t at = TRY(FileOffset(region, offset, from.size()));
  base::Status status = base::WriteAllAt(fd_, from, at);
  if (status) return status;
  return base::Failure(std::move(status).error().With(
      fmt::format("{}: region {} at {:#x}", address_.ToString(), region, offset)));
}

base::Result<base::Mapping> Device::Map(uint32_t index, const Area& area) const {
  const Region* const found = region(index);
  const bool is_page =
      found != nullptr && found->size < base::kPageSize && found->areas == std::vector{area};
  const uint64_t at = TRY(FileOffset(index, area.offset, is_page ? found->size : area.size));
  const Region& mapped = *found;
  // BARs are naturally aligned, so that the file offset stands for the physical address.
  const uint64_t alignment =
      std::clamp(std::bit_floor(mapped.size), base::kPageSize, kHugeMappingBytes);
  const base::Protection protection =
      mapped.writable ? base::Protection::kReadWrite : base::Protection::kRead;
  auto mapping = base::Mapping::File(fd_, at, area.size, protection, alignment);
  if (mapping) return mapping;
  return base::Failure(std::move(mapping).error().With(
      fmt::format("{}: region {} at {:#x}", address_.ToString(), index, area.offset)));
}

base::Result<int> Device::SendTriggers(uint32_t irq, uint32_t start,
                                       std::span<const int> events) const {
  auto free = Send(*kernel_, fd_, IrqSet::Events(irq, IrqAction::kTrigger, start, events));
  if (free) return free;
  return base::Failure(std::move(free).error().With(
      fmt::format("{}: interrupt index {}, vectors {} to {}", address_.ToString(), irq, start,
                  start + events.size())));
}

base::Status Device::SetTriggers(uint32_t irq, uint32_t start,
                                 std::span<const int> eventfds) const {
  const int free = TRY(SendTriggers(irq, start, eventfds));
  if (free <= 0) return {};
  return base::Fail(base::Code::kKernel,
                    fmt::format("{}: interrupt index {}: the host has {} vectors free of {} wanted",
                                address_.ToString(), irq, free, start + eventfds.size()));
}

base::Result<uint32_t> Device::OfferTriggers(uint32_t irq, std::span<const int> eventfds) const {
  const int free = TRY(SendTriggers(irq, 0, eventfds));
  const auto wanted = static_cast<uint32_t>(eventfds.size());
  if (free <= 0) return wanted;
  if (static_cast<uint32_t>(free) < wanted) return static_cast<uint32_t>(free);
  return base::Fail(base::Code::kKernel,
                    fmt::format("{}: interrupt index {}: {} vectors refused, {} said to be free",
                                address_.ToString(), irq, wanted, free));
}

base::Status Device::SetUnmaskEvent(uint32_t irq, int eventfd) const {
  return Act(IrqSet::Events(irq, IrqAction::kUnmask, 0, std::span(&eventfd, 1)), irq,
             "connect the unmask event");
}

base::Status Device::Mask(uint32_t irq) const {
  return Act(IrqSet::Now(irq, IrqAction::kMask, 0, 1), irq, "mask");
}

base::Status Device::Unmask(uint32_t irq) const {
  return Act(IrqSet::Now(irq, IrqAction::kUnmask, 0, 1), irq, "unmask");
}

base::Status Device::DisableIrq(uint32_t index) const {
  if (irq(index).count == 0) return {};
  base::Status status = Act(IrqSet::Disable(index), index, "disable");
  if (!status && status.error().err() == EINVAL) return {};  // this index was not in use
  return status;
}

base::Status Device::Act(IrqSet request, uint32_t irq, std::string_view what) const {
  auto done = Send(*kernel_, fd_, std::move(request));
  if (done) return {};
  return base::Failure(std::move(done).error().With(
      fmt::format("{}: {} interrupt index {}", address_.ToString(), what, irq)));
}

base::Status Device::Reset() const {
  if (!resettable_)
    return base::Fail(base::Code::kUnsupported, address_.ToString() + ": has no reset of its own");
  auto done = kernel_->Ioctl(fd_, VFIO_DEVICE_RESET, nullptr, "VFIO_DEVICE_RESET");
  if (done) return {};
  return base::Failure(std::move(done).error().With(address_.ToString()));
}

}  // namespace vfio
