#include "tests/support/fake_vfio_host.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vfio/facts.h"

namespace test {
namespace {

constexpr uint32_t kIoasId = 2;

}  // namespace

FakeVfioHost::FakeVfioHost(ScriptedKernel& kernel, FakeTree& tree, bool cdevs)
    : kernel_(kernel), tree_(tree) {
  if (cdevs) tree.UseVfioCdevs();
  tree.AddDriver("vfio-pci", true);
  kernel.HandlePath("/dev/vfio/vfio", [this](unsigned long request, void* argument, auto) {
    return Container(request, argument);
  });
  kernel.HandlePath("/dev/iommu", [this](unsigned long request, void* argument, auto) {
    return Iommufd(request, argument);
  });
  kernel.Reply("VFIO_DEVICE_BIND_IOMMUFD", 0);
  kernel.On("VFIO_DEVICE_ATTACH_IOMMUFD_PT", [](unsigned long, void* argument) {
    const auto* attach = static_cast<vfio::uapi::vfio_device_attach_iommufd_pt*>(argument);
    return attach->pt_id == kIoasId ? 0 : -ENOENT;
  });
}

void FakeVfioHost::Add(FakeVfioDevice& device, unsigned group) {
  FakeDevice on_bus;
  on_bus.bdf = device.address().ToString();
  on_bus.driver = "vfio-pci";
  on_bus.group = group;
  tree_.AddDevice(on_bus);
  groups_[group].push_back(&device);
  kernel_.HandlePath(vfio::GroupNode(group),
                     [this, group](unsigned long request, void* argument, auto) {
                       return Group(group, request, argument);
                     });
  if (const auto file = vfio::FindDeviceFile(tree_, device.address()))
    kernel_.OnOpen(vfio::DeviceNode(*file), [this, &device] { return device.OpenFd(kernel_); });
}

void FakeVfioHost::MakeUnviable(unsigned group) { unviable_.insert(group); }

std::vector<FakeVfioHost::Mapped> FakeVfioHost::maps() const {
  const std::lock_guard lock(mutex_);
  return maps_;
}

int FakeVfioHost::Container(unsigned long request, void* argument) {
  const std::lock_guard lock(mutex_);
  switch (request) {
    case VFIO_GET_API_VERSION:
      return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
      return reinterpret_cast<uintptr_t>(argument) == VFIO_TYPE1v2_IOMMU ? 1 : 0;
    case VFIO_SET_IOMMU:
      if (attached_.empty() || has_iommu_) return -EINVAL;
      has_iommu_ = true;
      return 0;
    default:
      break;
  }
  if (!has_iommu_) return -EINVAL;
  if (request == VFIO_IOMMU_GET_INFO) return AnswerIommuInfo(argument);
  if (request == VFIO_IOMMU_MAP_DMA) {
    const auto* map = static_cast<::vfio_iommu_type1_dma_map*>(argument);
    if (map->flags != (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)) return -EINVAL;
    return Map({map->iova, map->size, map->vaddr});
  }
  if (request == VFIO_IOMMU_UNMAP_DMA) {
    const auto* unmap = static_cast<::vfio_iommu_type1_dma_unmap*>(argument);
    return Unmap(unmap->iova, unmap->size);
  }
  return ScriptedKernel::kNotHandled;
}

int FakeVfioHost::Group(unsigned id, unsigned long request, void* argument) {
  const std::lock_guard lock(mutex_);
  switch (request) {
    case VFIO_GROUP_GET_STATUS: {
      // A bit that nobody knows yet must not matter.
      auto* status = static_cast<::vfio_group_status*>(argument);
      status->flags = 0x100u | (unviable_.contains(id) ? 0u : VFIO_GROUP_FLAGS_VIABLE);
      return 0;
    }
    case VFIO_GROUP_SET_CONTAINER:
      if (unviable_.contains(id)) return -EPERM;
      return attached_.insert(id).second ? 0 : -EINVAL;
    case VFIO_GROUP_GET_DEVICE_FD: {
      if (!has_iommu_ || !attached_.contains(id)) return -EINVAL;
      const std::string name = static_cast<const char*>(argument);
      for (FakeVfioDevice* device : groups_[id]) {
        if (device->address().ToString() == name) return device->OpenFd(kernel_).Release();
      }
      return -ENODEV;
    }
    default:
      return ScriptedKernel::kNotHandled;
  }
}

int FakeVfioHost::Iommufd(unsigned long request, void* argument) {
  if (request == vfio::uapi::kIoasMap && on_map_) on_map_();
  const std::lock_guard lock(mutex_);
  if (request == vfio::uapi::kIoasAlloc) {
    static_cast<vfio::uapi::iommu_ioas_alloc*>(argument)->out_ioas_id = kIoasId;
    return 0;
  }
  if (request == vfio::uapi::kIommuDestroy) return 0;
  if (request == vfio::uapi::kIoasIovaRanges) return AnswerIovaRanges(argument);
  if (request == vfio::uapi::kIoasMap) {
    const auto* map = static_cast<vfio::uapi::iommu_ioas_map*>(argument);
    if (map->ioas_id != kIoasId) return -ENOENT;
    if (map->flags != 7) return -EINVAL;
    return Map({map->iova, map->length, map->user_va});
  }
  if (request == vfio::uapi::kIoasUnmap) {
    const auto* unmap = static_cast<vfio::uapi::iommu_ioas_unmap*>(argument);
    return Unmap(unmap->iova, unmap->length);
  }
  return ScriptedKernel::kNotHandled;
}

int FakeVfioHost::AnswerIommuInfo(void* argument) const {
  constexpr uint32_t kFixed = sizeof(::vfio_iommu_type1_info);
  ::vfio_iommu_type1_info info{};
  std::memcpy(&info, argument, sizeof info);
  const auto wanted = static_cast<uint32_t>(kFixed + 16 + 16 * allowed_.size());
  const bool fits = info.argsz >= wanted;
  info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
  info.iova_pgsizes = 0x1000;
  info.cap_offset = fits ? kFixed : 0;
  info.argsz = wanted;
  std::memcpy(argument, &info, sizeof info);
  if (!fits) return 0;
  std::vector<uint32_t> words = {VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE | 1u << 16, 0,
                                 static_cast<uint32_t>(allowed_.size()), 0};
  for (const vfio::IovaRange& range : allowed_) {
    for (const uint64_t value : {range.start, range.last}) {
      words.push_back(static_cast<uint32_t>(value));
      words.push_back(static_cast<uint32_t>(value >> 32));
    }
  }
  std::memcpy(static_cast<std::byte*>(argument) + kFixed, words.data(), 4 * words.size());
  return 0;
}

int FakeVfioHost::AnswerIovaRanges(void* argument) const {
  auto* request = static_cast<vfio::uapi::iommu_ioas_iova_ranges*>(argument);
  auto* ranges = reinterpret_cast<vfio::uapi::iommu_iova_range*>(request->allowed_iovas);
  const auto room = static_cast<size_t>(request->num_iovas);
  for (size_t i = 0; i < std::min(room, allowed_.size()); ++i)
    ranges[i] = {allowed_[i].start, allowed_[i].last};
  request->num_iovas = static_cast<uint32_t>(allowed_.size());
  request->out_iova_alignment = 0x1000;
  return allowed_.size() > room ? -EMSGSIZE : 0;
}

int FakeVfioHost::Map(const Mapped& map) {
  const uint64_t last = map.iova + map.size - 1;
  const bool allowed = std::any_of(
      allowed_.begin(), allowed_.end(),
      [&](const vfio::IovaRange& range) { return range.start <= map.iova && last <= range.last; });
  if (!allowed) return -EINVAL;
  for (const Mapped& other : maps_) {
    if (map.iova < other.iova + other.size && other.iova <= last) return -EEXIST;
  }
  maps_.push_back(map);
  std::sort(maps_.begin(), maps_.end(),
            [](const Mapped& a, const Mapped& b) { return a.iova < b.iova; });
  return 0;
}

int FakeVfioHost::Unmap(uint64_t iova, uint64_t size) {
  const auto found = std::find_if(maps_.begin(), maps_.end(), [&](const Mapped& map) {
    return map.iova == iova && map.size == size;
  });
  if (found == maps_.end()) return -ENOENT;
  maps_.erase(found);
  return 0;
}

}  // namespace test
