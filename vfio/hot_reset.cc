#include "vfio/hot_reset.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "vfio/device.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

constexpr size_t kHeader = sizeof(::vfio_pci_hot_reset_info);
constexpr size_t kMember = sizeof(::vfio_pci_dependent_device);
// A bus has no more than 256 functions; those below further bridges come on top.
constexpr uint32_t kFirstMembers = 32;
constexpr uint32_t kMostMembers = 4096;

}  // namespace

base::Result<std::vector<HotResetMember>> ParseHotResetInfo(std::span<const std::byte> reply) {
  ::vfio_pci_hot_reset_info info{};
  if (reply.size() < kHeader)
    return base::Fail(base::Code::kKernel, "hot reset: the reply is too short");
  std::memcpy(&info, reply.data(), kHeader);
  if (info.count > (reply.size() - kHeader) / kMember) {
    return base::Fail(
        base::Code::kKernel,
        fmt::format("hot reset: a reply of {} bytes for {} functions", reply.size(), info.count));
  }
  const bool by_device = (info.flags & uapi::kHotResetDevId) != 0;
  std::vector<HotResetMember> members;
  for (uint32_t i = 0; i < info.count; ++i) {
    ::vfio_pci_dependent_device entry{};
    std::memcpy(&entry, reply.data() + kHeader + i * kMember, kMember);
    members.push_back({{entry.segment, entry.bus, static_cast<uint8_t>(entry.devfn >> 3),
                        static_cast<uint8_t>(entry.devfn & 7)},
                       by_device && entry.group_id == uapi::kHotResetNotOwned});
  }
  return members;
}

base::Result<std::optional<std::vector<HotResetMember>>> Device::HotResetSet() const {
  constexpr std::string_view kName = "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO";
  uint32_t room = kFirstMembers;
  for (int attempt = 0;; ++attempt) {
    std::vector<std::byte> reply(kHeader + room * kMember);
    ::vfio_pci_hot_reset_info info{};
    info.argsz = static_cast<uint32_t>(reply.size());
    std::memcpy(reply.data(), &info, kHeader);
    auto done = kernel_->Ioctl(fd_, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, reply.data(), kName);
    if (done) return std::optional(TRY(ParseHotResetInfo(reply)));
    if (done.error().err() == ENODEV) return std::optional<std::vector<HotResetMember>>();
    std::memcpy(&info, reply.data(), kHeader);
    const bool grow = done.error().err() == ENOSPC && info.count > room &&
                      info.count <= kMostMembers && attempt < 2;
    if (!grow) return base::Failure(std::move(done).error().With(address_.ToString()));
    room = info.count;
  }
}

base::Status Device::HotReset(std::span<const int> groups) const {
  ::vfio_pci_hot_reset header{};
  std::vector<std::byte> request(sizeof header + groups.size_bytes());
  header.argsz = static_cast<uint32_t>(request.size());
  header.count = static_cast<uint32_t>(groups.size());
  std::memcpy(request.data(), &header, sizeof header);
  if (!groups.empty())
    std::memcpy(request.data() + sizeof header, groups.data(), groups.size_bytes());
  auto done =
      kernel_->Ioctl(fd_, VFIO_DEVICE_PCI_HOT_RESET, request.data(), "VFIO_DEVICE_PCI_HOT_RESET");
  if (done) return {};
  return base::Failure(std::move(done).error().With(address_.ToString()));
}

}  // namespace vfio
