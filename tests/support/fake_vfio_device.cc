#include "tests/support/fake_vfio_device.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "sysfs/base/bits.h"
#include "sysfs/base/text.h"

namespace test {
namespace {

constexpr unsigned kOffsetShift = 40;  // as in the kernel's vfio-pci
constexpr uint32_t kRegionCount = 9;
constexpr uint32_t kIrqCount = 5;

// The capabilities of a region as they follow its fixed part.
std::vector<std::byte> Capabilities(const std::vector<vfio::Area>& areas, bool msix_mappable) {
  std::vector<std::byte> bytes;
  const auto append = [&bytes](uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
  };
  const size_t base = sizeof(::vfio_region_info);
  if (msix_mappable) {
    append(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 2);
    append(1, 2);
    append(areas.empty() ? 0 : base + 8, 4);
  }
  if (!areas.empty()) {
    append(VFIO_REGION_INFO_CAP_SPARSE_MMAP, 2);
    append(1, 2);
    append(0, 4);
    append(areas.size(), 4);
    append(0, 4);
    for (const vfio::Area& area : areas) {
      append(area.offset, 8);
      append(area.size, 8);
    }
  }
  return bytes;
}

}  // namespace

FakeVfioDevice::FakeVfioDevice(const sysfs::PciAddress& address)
    : address_(address), contents_(::memfd_create("fake-device", MFD_CLOEXEC)) {
  EXPECT_EQ(::ftruncate(contents_.raw(), off_t{kRegionCount} << kOffsetShift), 0);
  AddRegion(vfio::kConfigRegion, 4096, kReadWrite);
  AddIrq(vfio::kErrorIrq, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
  AddIrq(vfio::kRequestIrq, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE);
}

void FakeVfioDevice::SetConfig(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (const std::string_view line : base::Split(hex, '\n')) {
    const std::string_view code = line.substr(0, line.find('#'));
    for (const std::string_view word : base::Split(code, ' ')) {
      if (base::Trim(word).empty()) continue;
      const auto value = base::ParseHex(base::Trim(word), 0xff);
      if (!value) {
        ADD_FAILURE() << "not a byte: " << word;
        return;
      }
      bytes.push_back(static_cast<std::byte>(*value));
    }
  }
  SetConfigBytes(0, bytes);
}

void FakeVfioDevice::SetConfigBytes(uint64_t offset, std::span<const std::byte> bytes) {
  SetRegionBytes(vfio::kConfigRegion, offset, bytes);
}

void FakeVfioDevice::SetConfigValue(uint64_t offset, uint32_t value, unsigned width) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  SetConfigBytes(offset, bytes.first(width));
}

void FakeVfioDevice::SetConfigSize(uint64_t size) { regions_[vfio::kConfigRegion].size = size; }

void FakeVfioDevice::AddRegion(uint32_t index, uint64_t size, uint32_t flags,
                               const std::vector<vfio::Area>& areas, bool msix_mappable) {
  regions_[index] = {size, flags, uint64_t{index} << kOffsetShift, areas, msix_mappable};
}

void FakeVfioDevice::AddIrq(uint32_t index, uint32_t count, uint32_t flags) {
  irqs_[index] = {count, flags};
}

void FakeVfioDevice::Fail(const std::string& name, int err) {
  const std::lock_guard lock(mutex_);
  failures_[name] = err;
}

base::Fd FakeVfioDevice::OpenFd(ScriptedKernel& kernel) {
  return kernel.Reopen(contents_, address_.ToString(),
                       [this](unsigned long request, void* argument, std::string_view name) {
                         return Handle(request, argument, name);
                       });
}

base::Result<vfio::Device> FakeVfioDevice::Open(ScriptedKernel& kernel) {
  return vfio::Device::Create(kernel, address_, OpenFd(kernel));
}

int FakeVfioDevice::Handle(unsigned long request, void* argument, std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto failure = failures_.find(name); failure != failures_.end() && failure->second != 0)
    return -failure->second;
  int result = Answer(request, argument);
  const auto [first, last] = tampering_.equal_range(request);
  for (auto one = first; one != last; ++one) result = one->second(argument, result);
  return result;
}

int FakeVfioDevice::Answer(unsigned long request, void* argument) {
  switch (request) {
    case VFIO_DEVICE_GET_INFO:
      return GetInfo(argument);
    case VFIO_DEVICE_GET_REGION_INFO:
      return GetRegionInfo(argument);
    case VFIO_DEVICE_GET_IRQ_INFO:
      return GetIrqInfo(argument);
    case VFIO_DEVICE_SET_IRQS:
      return SetIrqs(argument);
    case VFIO_DEVICE_RESET:
      if (!resettable_) return -EINVAL;
      ++resets_;
      if (react_) react_();
      return 0;
    case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
      return GetHotReset(argument);
    case VFIO_DEVICE_PCI_HOT_RESET:
      return HotReset(argument);
    default:
      return ScriptedKernel::kNotHandled;
  }
}

int FakeVfioDevice::GetInfo(void* argument) const {
  auto* info = static_cast<::vfio_device_info*>(argument);
  info->flags = VFIO_DEVICE_FLAGS_PCI | (resettable_ ? VFIO_DEVICE_FLAGS_RESET : 0u);
  info->num_regions = kRegionCount;
  info->num_irqs = kIrqCount;
  return 0;
}

int FakeVfioDevice::GetRegionInfo(void* argument) const {
  ::vfio_region_info info{};
  std::memcpy(&info, argument, sizeof info);
  const auto found = regions_.find(info.index);
  if (found == regions_.end()) {
    if (info.index >= vfio::kVgaRegion) return -EINVAL;
    info.flags = 0;
    info.size = 0;
    std::memcpy(argument, &info, sizeof info);
    return 0;
  }
  const FakeRegion& region = found->second;
  const std::vector<std::byte> tail = Capabilities(region.areas, region.msix_mappable);
  const size_t wanted = sizeof info + tail.size();
  const bool fits = info.argsz >= wanted;
  info.flags = region.flags | (tail.empty() ? 0u : VFIO_REGION_INFO_FLAG_CAPS);
  info.size = region.size;
  info.offset = region.file_offset;
  info.cap_offset = fits && !tail.empty() ? static_cast<uint32_t>(sizeof info) : 0;
  if (!fits) info.argsz = static_cast<uint32_t>(wanted);
  std::memcpy(argument, &info, sizeof info);
  if (fits && !tail.empty())
    std::memcpy(static_cast<std::byte*>(argument) + sizeof info, tail.data(), tail.size());
  return 0;
}

int FakeVfioDevice::GetIrqInfo(void* argument) const {
  auto* info = static_cast<::vfio_irq_info*>(argument);
  const auto found = irqs_.find(info->index);
  if (found == irqs_.end() && info->index == vfio::kErrorIrq) return -EINVAL;
  info->count = found != irqs_.end() ? found->second.count : 0;
  info->flags = found != irqs_.end() ? found->second.flags : 0;
  return 0;
}

int FakeVfioDevice::GetHotReset(void* argument) const {
  if (!hot_members_) return -ENODEV;
  ::vfio_pci_hot_reset_info info{};
  std::memcpy(&info, argument, sizeof info);
  const bool fits =
      info.argsz >= sizeof info + hot_members_->size() * sizeof(::vfio_pci_dependent_device);
  info.flags = hot_by_number_ ? vfio::uapi::kHotResetDevId : 0;
  info.count = static_cast<uint32_t>(hot_members_->size());
  std::memcpy(argument, &info, sizeof info);
  if (!fits) return -ENOSPC;
  auto* at = static_cast<std::byte*>(argument) + sizeof info;
  for (const HotMember& member : *hot_members_) {
    const ::vfio_pci_dependent_device entry = {
        member.number, static_cast<uint16_t>(member.address.domain), member.address.bus,
        static_cast<uint8_t>(member.address.device * 8 + member.address.function)};
    std::memcpy(at, &entry, sizeof entry);
    at += sizeof entry;
  }
  return 0;
}

// By groups it needs some, by device files none (vfio_pci_ioctl_pci_hot_reset).
int FakeVfioDevice::HotReset(const void* argument) {
  ::vfio_pci_hot_reset request{};
  std::memcpy(&request, argument, sizeof request);
  if (!hot_members_) return -ENODEV;
  if ((request.count == 0) != hot_by_number_) return -EINVAL;
  if (request.argsz != sizeof request + request.count * sizeof(int32_t)) return -EINVAL;
  ++hot_resets_;
  hot_groups_ = request.count;
  if (react_) react_();
  return 0;
}

int FakeVfioDevice::SetIrqs(void* argument) {
  ::vfio_irq_set header{};
  std::memcpy(&header, argument, sizeof header);
  IrqCall call{header.index, header.flags, header.start, header.count, {}};
  if ((header.flags & VFIO_IRQ_SET_DATA_EVENTFD) != 0) {
    if (header.argsz != sizeof header + header.count * sizeof(int32_t)) return -EINVAL;
    call.eventfds.resize(header.count);
    const auto* data = static_cast<const std::byte*>(argument) + sizeof header;
    if (header.count > 0) std::memcpy(call.eventfds.data(), data, header.count * sizeof(int32_t));
  }
  irq_calls_.push_back(call);
  const uint32_t count = irqs_.contains(call.index) ? irqs_[call.index].count : 0;
  if (call.start >= count || call.count > count - call.start) return -EINVAL;
  return ApplyIrqs(call);
}

// The rules of vfio_pci_intrs.c: INTx, MSI and MSI-X exclude one another; a type that is not on
// cannot be taken away, masked or unmasked; vectors beyond those that were allocated need a type
// that can grow.
int FakeVfioDevice::ApplyIrqs(const IrqCall& call) {
  const auto on = triggers_.find(call.index);
  const bool active = on != triggers_.end();
  const bool single = call.index >= vfio::kErrorIrq;
  if ((call.flags & VFIO_IRQ_SET_ACTION_TRIGGER) == 0) {
    if (call.index != vfio::kIntxIrq) return -ENOTTY;
    if (!active || call.count != 1) return -EINVAL;
    if (!call.eventfds.empty()) unmask_event_ = call.eventfds.front();
    return 0;
  }
  if ((call.flags & VFIO_IRQ_SET_DATA_NONE) != 0) {
    if (!active) return -EINVAL;
    if (call.count == 0) triggers_.erase(on);
    if (call.count == 0 && call.index == vfio::kIntxIrq) unmask_event_ = -1;
    return 0;
  }
  const bool other = std::any_of(triggers_.begin(), triggers_.end(), [&](const auto& entry) {
    return entry.first < vfio::kErrorIrq && entry.first != call.index;
  });
  if (other && !single) return -EINVAL;
  const uint32_t end = call.start + call.count;
  if (active && !single && (irqs_[call.index].flags & VFIO_IRQ_INFO_NORESIZE) != 0 &&
      !on->second.contains(end - 1))
    return -EINVAL;
  if (!active && !single && call.index != vfio::kIntxIrq && end > free_vectors_)
    return static_cast<int>(free_vectors_);
  auto& vectors = triggers_[call.index];
  for (uint32_t i = 0; i < call.start; ++i) vectors.try_emplace(i, -1);
  for (uint32_t i = 0; i < call.count; ++i) vectors[call.start + i] = call.eventfds[i];
  return 0;
}

uint64_t FakeVfioDevice::FileOffset(uint32_t index, uint64_t offset, size_t size) const {
  const auto found = regions_.find(index);
  const bool inside = found != regions_.end() && offset + size <= found->second.size;
  EXPECT_TRUE(inside) << "region " << index << " at " << offset;
  return inside ? found->second.file_offset + offset : 0;
}

std::vector<std::byte> FakeVfioDevice::RegionBytes(uint32_t index, uint64_t offset,
                                                   size_t size) const {
  std::vector<std::byte> bytes(size);
  EXPECT_TRUE(base::ReadExactAt(contents_, bytes, FileOffset(index, offset, size)).has_value());
  return bytes;
}

void FakeVfioDevice::SetRegionBytes(uint32_t index, uint64_t offset,
                                    std::span<const std::byte> bytes) {
  EXPECT_TRUE(
      base::WriteAllAt(contents_, bytes, FileOffset(index, offset, bytes.size())).has_value());
}

std::vector<std::byte> FakeVfioDevice::Config(uint64_t offset, size_t size) const {
  return RegionBytes(vfio::kConfigRegion, offset, size);
}

uint32_t FakeVfioDevice::ConfigValue(uint64_t offset, unsigned width) const {
  std::vector<std::byte> bytes = Config(offset, width);
  bytes.resize(sizeof(uint32_t));
  return base::LoadLe<uint32_t>(bytes, 0);
}

std::vector<IrqCall> FakeVfioDevice::irq_calls() const {
  const std::lock_guard lock(mutex_);
  return irq_calls_;
}

void FakeVfioDevice::ClearIrqCalls() {
  const std::lock_guard lock(mutex_);
  irq_calls_.clear();
}

int FakeVfioDevice::trigger(uint32_t index, uint32_t vector) const {
  const std::lock_guard lock(mutex_);
  const auto vectors = triggers_.find(index);
  if (vectors == triggers_.end()) return -1;
  const auto event = vectors->second.find(vector);
  return event != vectors->second.end() ? event->second : -1;
}

int FakeVfioDevice::unmask_event() const {
  const std::lock_guard lock(mutex_);
  return unmask_event_;
}

unsigned FakeVfioDevice::resets() const {
  const std::lock_guard lock(mutex_);
  return resets_;
}

unsigned FakeVfioDevice::hot_resets() const {
  const std::lock_guard lock(mutex_);
  return hot_resets_;
}

unsigned FakeVfioDevice::hot_groups() const {
  const std::lock_guard lock(mutex_);
  return hot_groups_;
}

}  // namespace test
