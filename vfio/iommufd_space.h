// A DMA space by iommufd and VFIO device files (Documentation/userspace-api/iommufd.rst,
// Documentation/driver-api/vfio.rst, "VFIO device cdev"): one I/O address space object for all
// devices, whatever IOMMU each is behind.
//
// A claim keeps the device file open until the space dies, so that the device can be linked again;
// the descriptor that OpenDevice gives is a second one of the same open file. Bound devices keep
// their address space, so that in the space device files die before the iommufd.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "vfio/dma_space.h"
#include "vfio/explain.h"
#include "vfio/map_list.h"

namespace vfio {

class IommufdSpace final : public DmaSpace {
 public:
  // Kernel and tree outlive the space.
  static base::Result<std::unique_ptr<DmaSpace>> Open(base::Kernel& kernel,
                                                      const sysfs::Tree& tree);
  IommufdSpace(base::Kernel& kernel, const sysfs::Tree& tree, base::Fd iommufd, uint32_t ioas)
      : kernel_(&kernel), tree_(&tree), iommufd_(std::move(iommufd)), ioas_(ioas) {}

  IommufdSpace(const IommufdSpace&) = delete;
  IommufdSpace& operator=(const IommufdSpace&) = delete;
  // An iommufd that was handed over stays open elsewhere: the address space does not.
  ~IommufdSpace() override;

  std::string_view name() const override { return "iommufd"; }
  // A holder and an unfit group show only in OpenDevice: anybody may open a device file.
  base::Status Claim(const sysfs::PciAddress& device, const KvmLink& link) override;
  base::Result<base::Fd> OpenDevice(const sysfs::PciAddress& device,
                                    const std::optional<VfToken>& token) override;
  using DmaSpace::OpenDevice;
  base::Status Release(const sysfs::PciAddress& device, const KvmLink& unlink) override;
  base::Status Relink(const KvmLink& link) override;
  std::vector<int> HotResetProof(std::span<const sysfs::PciAddress>) const override { return {}; }
  base::Result<std::vector<IovaRange>> AllowedRanges() const override;
  base::Status Map(base::Iova iova, std::span<std::byte> memory) override;
  base::Status MapAgain(base::Iova iova, std::span<std::byte> memory) override;
  base::Status Unmap(base::Iova iova, uint64_t size) override;
  unsigned map_count() const override { return map_count_; }

 private:
  // The error number, or 0.
  int MapRange(const base::Range& range, std::span<std::byte> memory);
  struct Claimed {
    std::string node;
    unsigned group = 0;
    base::Fd file;
  };
  base::Status Bind(const Claimed& claimed, const sysfs::PciAddress& device,
                    const std::optional<VfToken>& token) const;
  base::Status AttachToIoas(const Claimed& claimed, const sysfs::PciAddress& device) const;
  base::Failure Explained(Step step, int err, const sysfs::PciAddress& device,
                          const std::string& node) const;

  base::Kernel* kernel_;
  const sysfs::Tree* tree_;
  base::Fd iommufd_;
  uint32_t ioas_ = 0;
  std::mutex mutex_;  // what OpenDevice looks up while devices come and go
  std::map<sysfs::PciAddress, std::shared_ptr<const Claimed>> claimed_;
  MapList maps_;
  unsigned map_count_ = 0;
};

}  // namespace vfio
