#include "vfio/type1_space.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "vfio/cap_chain.h"
#include "vfio/space_common.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

constexpr size_t kFirstReplyBytes = 512;  // room for about thirty ranges
constexpr size_t kMostReplyBytes = size_t{64} * 1024;

base::Result<std::vector<std::byte>> ReadIommuInfo(base::Kernel& kernel, const base::Fd& fd) {
  std::vector<std::byte> reply(kFirstReplyBytes);
  for (int attempt = 0;; ++attempt) {
    ::vfio_iommu_type1_info info{};
    info.argsz = static_cast<uint32_t>(reply.size());
    std::memcpy(reply.data(), &info, sizeof info);
    TRY(kernel.Ioctl(fd, VFIO_IOMMU_GET_INFO, reply.data(), "VFIO_IOMMU_GET_INFO"));
    std::memcpy(&info, reply.data(), sizeof info);
    if (info.argsz <= reply.size() || attempt == 2) return reply;
    if (info.argsz > kMostReplyBytes)
      return base::Fail(base::Code::kKernel,
                        fmt::format("VFIO_IOMMU_GET_INFO: a reply of {} bytes", info.argsz));
    reply.assign(info.argsz, std::byte{0});
  }
}

}  // namespace

base::Result<std::vector<IovaRange>> ParseIommuInfo(std::span<const std::byte> reply) {
  ::vfio_iommu_type1_info info{};
  if (reply.size() < sizeof info)
    return base::Fail(base::Code::kKernel, "VFIO_IOMMU_GET_INFO: a short reply");
  std::memcpy(&info, reply.data(), sizeof info);
  const bool chain = (info.flags & VFIO_IOMMU_INFO_CAPS) != 0;
  const std::vector<InfoCapability> capabilities =
      TRY(ListInfoCapabilities(reply, chain ? info.cap_offset : 0, sizeof info));
  for (const InfoCapability& capability : capabilities) {
    if (capability.id != VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) continue;
    std::vector<IovaRange> ranges;
    const std::vector<Pair> pairs = TRY(ListCapabilityPairs(capability));
    for (const Pair& pair : pairs) ranges.push_back({pair.first, pair.second});
    return ranges;
  }
  return std::vector<IovaRange>{{0, UINT64_MAX}};  // before Linux 5.4 nothing was said
}

base::Result<std::unique_ptr<DmaSpace>> Type1Space::Open(base::Kernel& kernel,
                                                         const sysfs::Tree& tree) {
  auto container = kernel.Open("/dev/vfio/vfio", O_RDWR);
  if (!container) return base::Failure(ExplainContainer(container.error().err()));
  const auto version =
      kernel.Ioctl(*container, VFIO_GET_API_VERSION, nullptr, "VFIO_GET_API_VERSION");
  if (!version || *version != VFIO_API_VERSION)
    return base::Fail(base::Code::kUnsupported, "/dev/vfio/vfio: not the VFIO interface we know");
  // The kernel takes the number itself in the place of a pointer.
  void* const type1v2 = reinterpret_cast<void*>(uintptr_t{VFIO_TYPE1v2_IOMMU});
  const auto supported =
      kernel.Ioctl(*container, VFIO_CHECK_EXTENSION, type1v2, "VFIO_CHECK_EXTENSION");
  if (!supported || *supported <= 0)
    return base::Fail(base::Code::kUnsupported, "/dev/vfio/vfio: no type1 IOMMU driver",
                      "modprobe vfio_iommu_type1");
  return std::unique_ptr<DmaSpace>(
      std::make_unique<Type1Space>(kernel, tree, std::move(*container)));
}

base::Failure Type1Space::Explained(Step step, int err, const sysfs::PciAddress& device) const {
  const auto group = FindGroup(*tree_, device);
  return base::Failure(
      Explain(step, err, ReadAccessFacts(*tree_, device, GroupNode(group.value_or(0)))));
}

const Type1Space::Group* Type1Space::FindGroupOf(const sysfs::PciAddress& device) const {
  for (const Group& group : groups_) {
    if (std::find(group.devices.begin(), group.devices.end(), device) != group.devices.end())
      return &group;
  }
  return nullptr;
}

base::Status Type1Space::Claim(const sysfs::PciAddress& device, const KvmLink& link) {
  if (FindGroupOf(device) != nullptr) return ClaimedTwice(device);
  const unsigned id = TRY(FindGroup(*tree_, device));
  const auto known = std::find_if(groups_.begin(), groups_.end(),
                                  [id](const Group& group) { return group.id == id; });
  if (known != groups_.end()) {
    const std::lock_guard lock(mutex_);
    known->devices.push_back(device);
    return {};
  }
  auto fd = kernel_->Open(GroupNode(id), O_RDWR);
  if (!fd) return Explained(Step::kOpenGroup, fd.error().err(), device);
  TRY(CheckViable(*fd, device));
  TRY(Attach(*fd, device));
  TRY(link(fd->raw()));
  const std::lock_guard lock(mutex_);
  groups_.push_back({id, std::make_shared<const base::Fd>(std::move(*fd)), {device}});
  return {};
}

base::Status Type1Space::CheckViable(const base::Fd& group, const sysfs::PciAddress& device) const {
  ::vfio_group_status status{};
  status.argsz = sizeof status;
  const auto done = kernel_->Ioctl(group, VFIO_GROUP_GET_STATUS, &status, "VFIO_GROUP_GET_STATUS");
  if (!done) return Explained(Step::kAttachGroup, done.error().err(), device);
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
    return Explained(Step::kAttachGroup, 0, device);
  return {};
}

base::Status Type1Space::Attach(const base::Fd& group, const sysfs::PciAddress& device) const {
  int container = container_.raw();
  const auto put =
      kernel_->Ioctl(group, VFIO_GROUP_SET_CONTAINER, &container, "VFIO_GROUP_SET_CONTAINER");
  if (!put) return Explained(Step::kAttachGroup, put.error().err(), device);
  if (!groups_.empty()) return {};
  void* const type1v2 = reinterpret_cast<void*>(uintptr_t{VFIO_TYPE1v2_IOMMU});
  const auto set = kernel_->Ioctl(container_, VFIO_SET_IOMMU, type1v2, "VFIO_SET_IOMMU");
  if (!set) return Explained(Step::kAttachGroup, set.error().err(), device);
  return {};
}

base::Result<base::Fd> Type1Space::OpenDevice(const sysfs::PciAddress& device,
                                              const std::optional<VfToken>& token) {
  std::shared_ptr<const base::Fd> group_fd;
  {
    const std::lock_guard lock(mutex_);
    const Group* group = FindGroupOf(device);
    if (group == nullptr) return NotClaimed(device);
    group_fd = group->fd;
  }
  std::string name = device.ToString();
  if (token) name += " vf_token=" + token->ToString();
  const auto fd =
      kernel_->Ioctl(*group_fd, VFIO_GROUP_GET_DEVICE_FD, name.data(), "VFIO_GROUP_GET_DEVICE_FD");
  if (!fd) return Explained(Step::kOpenDevice, fd.error().err(), device);
  return base::Fd(*fd);
}

base::Status Type1Space::Release(const sysfs::PciAddress& device, const KvmLink& unlink) {
  const auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& one) {
    return std::find(one.devices.begin(), one.devices.end(), device) != one.devices.end();
  });
  if (group == groups_.end()) return {};
  const std::lock_guard lock(mutex_);
  std::erase(group->devices, device);
  if (!group->devices.empty()) return {};
  base::Status unlinked = unlink(group->fd->raw());
  groups_.erase(group);
  return unlinked;
}

base::Status Type1Space::Relink(const KvmLink& link) {
  for (const Group& group : groups_) TRY(link(group.fd->raw()));
  return {};
}

std::vector<int> Type1Space::HotResetProof(std::span<const sysfs::PciAddress> functions) const {
  std::vector<unsigned> wanted;
  for (const sysfs::PciAddress& function : functions) {
    if (const auto id = FindGroup(*tree_, function)) wanted.push_back(*id);
  }
  std::vector<int> groups;
  for (const Group& group : groups_) {
    if (std::find(wanted.begin(), wanted.end(), group.id) != wanted.end())
      groups.push_back(group.fd->raw());
  }
  return groups;
}

base::Result<std::vector<IovaRange>> Type1Space::AllowedRanges() const {
  return ParseIommuInfo(TRY(ReadIommuInfo(*kernel_, container_)));
}

int Type1Space::MapRange(const base::Range& range, std::span<std::byte> memory) {
  ::vfio_iommu_type1_dma_map request{};
  request.argsz = sizeof request;
  request.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
  request.vaddr = reinterpret_cast<uintptr_t>(memory.data());
  request.iova = range.base;
  request.size = range.size;
  const auto done = kernel_->Ioctl(container_, VFIO_IOMMU_MAP_DMA, &request, "VFIO_IOMMU_MAP_DMA");
  if (!done) return done.error().err();
  maps_.Add(range);
  ++map_count_;
  return 0;
}

base::Status Type1Space::Map(base::Iova iova, std::span<std::byte> memory) {
  const base::Range range = TRY(CheckMap(iova, memory));
  const int err = MapRange(range, memory);
  if (err == 0) return {};
  std::vector<unsigned> groups;
  for (const Group& group : groups_) groups.push_back(group.id);
  return ExplainedMap(err, range, *this, maps_, *tree_, groups);
}

base::Status Type1Space::MapAgain(base::Iova iova, std::span<std::byte> memory) {
  const base::Range range = TRY(CheckMap(iova, memory));
  const int err = MapRange(range, memory);
  return err == 0 ? base::Status() : base::Failure(ExplainMapAgain(err, range));
}

base::Status Type1Space::Unmap(base::Iova iova, uint64_t size) {
  const base::Range range{iova.value, size};
  if (!maps_.Holds(range)) return base::Failure(ExplainUnmap(0, range));
  ::vfio_iommu_type1_dma_unmap request{};
  request.argsz = sizeof request;
  request.iova = iova.value;
  request.size = size;
  const auto done =
      kernel_->Ioctl(container_, VFIO_IOMMU_UNMAP_DMA, &request, "VFIO_IOMMU_UNMAP_DMA");
  if (!done) return base::Failure(ExplainUnmap(done.error().err(), range));
  if (request.size != size) return base::Failure(ExplainUnmap(0, range));
  maps_.Remove(range);
  return {};
}

}  // namespace vfio
