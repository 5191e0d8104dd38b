#include "vfio/iommufd_space.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "vfio/space_common.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

constexpr uint32_t kFirstRanges = 32;
constexpr uint32_t kMostRanges = 4096;

// The node may be left from a device that is gone: its number must be the one in sysfs.
base::Status CheckDeviceNumber(const sysfs::Tree& tree, const sysfs::PciAddress& device,
                               const std::string& file, const base::Fd& fd) {
  struct stat status {};
  if (::fstat(fd.raw(), &status) != 0) return base::FailErrno(DeviceNode(file), errno);
  const std::string found = fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
  const auto wanted = sysfs::ReadText(
      tree, fmt::format("/sys/bus/pci/devices/{}/vfio-dev/{}/dev", device.ToString(), file));
  if (!wanted || *wanted == found) return {};
  return base::Fail(base::Code::kKernel,
                    fmt::format("{}: {} is device {}, sysfs says {}", device.ToString(),
                                DeviceNode(file), found, *wanted),
                    "the node is stale: remove it and run udevadm trigger");
}

}  // namespace

base::Result<std::unique_ptr<DmaSpace>> IommufdSpace::Open(base::Kernel& kernel,
                                                           const sysfs::Tree& tree) {
  auto iommufd = kernel.Open("/dev/iommu", O_RDWR);
  if (!iommufd) return base::Failure(ExplainIommufd(iommufd.error().err()));
  uapi::iommu_ioas_alloc request{};
  request.size = sizeof request;
  auto done = kernel.Ioctl(*iommufd, uapi::kIoasAlloc, &request, "IOMMU_IOAS_ALLOC");
  if (!done) return base::Failure(std::move(done).error().With("/dev/iommu"));
  return std::unique_ptr<DmaSpace>(
      std::make_unique<IommufdSpace>(kernel, tree, std::move(*iommufd), request.out_ioas_id));
}

IommufdSpace::~IommufdSpace() {
  claimed_.clear();
  // A device that is still open keeps the space, which closing the iommufd ends; one that was
  // handed over stays open: guest memory is not pinned any longer all the same.
  uapi::iommu_ioas_unmap all{};
  all.size = sizeof all;
  all.ioas_id = ioas_;
  all.length = UINT64_MAX;
  if (map_count_ > 0) (void)kernel_->Ioctl(iommufd_, uapi::kIoasUnmap, &all, "IOMMU_IOAS_UNMAP");
  uapi::iommu_destroy request{};
  request.size = sizeof request;
  request.id = ioas_;
  (void)kernel_->Ioctl(iommufd_, uapi::kIommuDestroy, &request, "IOMMU_DESTROY");
}

base::Failure IommufdSpace::Explained(Step step, int err, const sysfs::PciAddress& device,
                                      const std::string& node) const {
  return base::Failure(Explain(step, err, ReadAccessFacts(*tree_, device, node)));
}

base::Status IommufdSpace::Claim(const sysfs::PciAddress& device, const KvmLink& link) {
  if (claimed_.contains(device)) return ClaimedTwice(device);
  const unsigned group = TRY(FindGroup(*tree_, device));
  const auto file = FindDeviceFile(*tree_, device);
  if (!file) {
    const AccessFacts facts = ReadAccessFacts(*tree_, device, "");
    if (!facts.on_vfio_driver) return base::Failure(Explain(Step::kOpenDeviceFile, ENOENT, facts));
    return base::Fail(base::Code::kUnsupported,
                      facts.device + ": the kernel makes no device file for it",
                      "Linux 6.6 and newer with CONFIG_VFIO_DEVICE_CDEV; or use type1");
  }
  const std::string node = DeviceNode(*file);
  auto fd = kernel_->Open(node, O_RDWR);
  if (!fd) return Explained(Step::kOpenDeviceFile, fd.error().err(), device, node);
  TRY(CheckDeviceNumber(*tree_, device, *file, *fd));
  TRY(link(fd->raw()));
  const std::lock_guard lock(mutex_);
  claimed_.emplace(device, std::make_shared<const Claimed>(Claimed{node, group, std::move(*fd)}));
  return {};
}

base::Result<base::Fd> IommufdSpace::OpenDevice(const sysfs::PciAddress& device,
                                                const std::optional<VfToken>& token) {
  std::shared_ptr<const Claimed> claimed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = claimed_.find(device);
    if (found == claimed_.end()) return NotClaimed(device);
    claimed = found->second;
  }
  base::Fd fd = TRY(claimed->file.Duplicate());
  TRY(Bind(*claimed, device, token));
  TRY(AttachToIoas(*claimed, device));
  return fd;
}

base::Status IommufdSpace::Bind(const Claimed& claimed, const sysfs::PciAddress& device,
                                const std::optional<VfToken>& token) const {
  uapi::bind_iommufd_with_token request{};
  request.argsz = token ? sizeof request : offsetof(uapi::bind_iommufd_with_token, token_uuid_ptr);
  request.iommufd = iommufd_.raw();
  if (token) {
    request.flags = uapi::kBindFlagToken;
    request.token_uuid_ptr = reinterpret_cast<uintptr_t>(token->bytes.data());
  }
  const auto done =
      kernel_->Ioctl(claimed.file, uapi::kBindIommufd, &request, "VFIO_DEVICE_BIND_IOMMUFD");
  if (done) return {};
  if (token && done.error().err() == EINVAL) {
    return base::Fail(base::Code::kUnsupported,
                      device.ToString() +
                          ": this kernel takes no VF token with a device file, or the device is "
                          "neither a physical nor a virtual function",
                      "a token needs Linux 6.18 or --dma type1; other devices need none");
  }
  return Explained(Step::kBindDevice, done.error().err(), device, claimed.node);
}

base::Status IommufdSpace::AttachToIoas(const Claimed& claimed,
                                        const sysfs::PciAddress& device) const {
  uapi::vfio_device_attach_iommufd_pt request{};
  request.argsz = sizeof request;
  request.pt_id = ioas_;
  const auto done = kernel_->Ioctl(claimed.file, uapi::kAttachIommufdPt, &request,
                                   "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
  if (!done) return Explained(Step::kAttachDevice, done.error().err(), device, claimed.node);
  return {};
}

base::Status IommufdSpace::Release(const sysfs::PciAddress& device, const KvmLink& unlink) {
  const auto claimed = claimed_.find(device);
  if (claimed == claimed_.end()) return {};
  base::Status unlinked = unlink(claimed->second->file.raw());
  const std::lock_guard lock(mutex_);
  claimed_.erase(claimed);
  return unlinked;
}

base::Status IommufdSpace::Relink(const KvmLink& link) {
  for (const auto& [device, claimed] : claimed_) TRY(link(claimed->file.raw()));
  return {};
}

base::Result<std::vector<IovaRange>> IommufdSpace::AllowedRanges() const {
  std::vector<uapi::iommu_iova_range> ranges(kFirstRanges);
  uapi::iommu_ioas_iova_ranges request{};
  for (int attempt = 0;; ++attempt) {
    request = {};
    request.size = sizeof request;
    request.ioas_id = ioas_;
    request.num_iovas = static_cast<uint32_t>(ranges.size());
    request.allowed_iovas = reinterpret_cast<uintptr_t>(ranges.data());
    const auto done =
        kernel_->Ioctl(iommufd_, uapi::kIoasIovaRanges, &request, "IOMMU_IOAS_IOVA_RANGES");
    if (done) break;
    const bool grow = done.error().err() == EMSGSIZE && request.num_iovas > ranges.size() &&
                      request.num_iovas <= kMostRanges && attempt < 2;
    if (!grow) return base::Failure(base::Error(done.error()).With("/dev/iommu"));
    ranges.resize(request.num_iovas);
  }
  ranges.resize(std::min<size_t>(request.num_iovas, ranges.size()));
  std::vector<IovaRange> allowed;
  for (const uapi::iommu_iova_range& range : ranges) allowed.push_back({range.start, range.last});
  return allowed;
}

int IommufdSpace::MapRange(const base::Range& range, std::span<std::byte> memory) {
  uapi::iommu_ioas_map request{};
  request.size = sizeof request;
  request.flags = uapi::kIoasMapFixedIova | uapi::kIoasMapReadable | uapi::kIoasMapWriteable;
  request.ioas_id = ioas_;
  request.user_va = reinterpret_cast<uintptr_t>(memory.data());
  request.length = range.size;
  request.iova = range.base;
  const auto done = kernel_->Ioctl(iommufd_, uapi::kIoasMap, &request, "IOMMU_IOAS_MAP");
  if (!done) return done.error().err();
  maps_.Add(range);
  ++map_count_;
  return 0;
}

base::Status IommufdSpace::Map(base::Iova iova, std::span<std::byte> memory) {
  const base::Range range = TRY(CheckMap(iova, memory));
  const int err = MapRange(range, memory);
  if (err == 0) return {};
  std::vector<unsigned> groups;
  for (const auto& [device, claimed] : claimed_) groups.push_back(claimed->group);
  return ExplainedMap(err, range, *this, maps_, *tree_, groups);
}

base::Status IommufdSpace::MapAgain(base::Iova iova, std::span<std::byte> memory) {
  const base::Range range = TRY(CheckMap(iova, memory));
  const int err = MapRange(range, memory);
  return err == 0 ? base::Status() : base::Failure(ExplainMapAgain(err, range));
}

base::Status IommufdSpace::Unmap(base::Iova iova, uint64_t size) {
  const base::Range range{iova.value, size};
  if (!maps_.Holds(range)) return base::Failure(ExplainUnmap(0, range));
  uapi::iommu_ioas_unmap request{};
  request.size = sizeof request;
  request.ioas_id = ioas_;
  request.iova = iova.value;
  request.length = size;
  const auto done = kernel_->Ioctl(iommufd_, uapi::kIoasUnmap, &request, "IOMMU_IOAS_UNMAP");
  if (!done) return base::Failure(ExplainUnmap(done.error().err(), range));
  if (request.length != size) return base::Failure(ExplainUnmap(0, range));
  maps_.Remove(range);
  return {};
}

}  // namespace vfio
