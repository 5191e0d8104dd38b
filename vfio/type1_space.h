// A DMA space by a VFIO container and groups (Documentation/driver-api/vfio.rst): all groups share
// one container with one set of maps.
//
// Closing: a device keeps its group busy and a group its container, so that devices die before the
// space, and in the space the groups before the container.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "sysfs/base/fd.h"
#include "vfio/dma_space.h"
#include "vfio/explain.h"
#include "vfio/map_list.h"

namespace vfio {

// The IOVA ranges in a struct vfio_iommu_type1_info with what follows it. Pure.
base::Result<std::vector<IovaRange>> ParseIommuInfo(std::span<const std::byte> reply);

class Type1Space final : public DmaSpace {
 public:
  // Kernel and tree outlive the space.
  static base::Result<std::unique_ptr<DmaSpace>> Open(base::Kernel& kernel,
                                                      const sysfs::Tree& tree);
  Type1Space(base::Kernel& kernel, const sysfs::Tree& tree, base::Fd container)
      : kernel_(&kernel), tree_(&tree), container_(std::move(container)) {}

  std::string_view name() const override { return "type1"; }
  base::Status Claim(const sysfs::PciAddress& device, const KvmLink& link) override;
  base::Result<base::Fd> OpenDevice(const sysfs::PciAddress& device,
                                    const std::optional<VfToken>& token) override;
  using DmaSpace::OpenDevice;
  base::Status Release(const sysfs::PciAddress& device, const KvmLink& unlink) override;
  base::Status Relink(const KvmLink& link) override;
  std::vector<int> HotResetProof(std::span<const sysfs::PciAddress> functions) const override;
  base::Result<std::vector<IovaRange>> AllowedRanges() const override;
  base::Status Map(base::Iova iova, std::span<std::byte> memory) override;
  base::Status MapAgain(base::Iova iova, std::span<std::byte> memory) override;
  base::Status Unmap(base::Iova iova, uint64_t size) override;
  unsigned map_count() const override { return map_count_; }

 private:
  // The error number, or 0.
  int MapRange(const base::Range& range, std::span<std::byte> memory);
  struct Group {
    unsigned id = 0;
    std::shared_ptr<const base::Fd> fd;  // shared with who opens a device
    std::vector<sysfs::PciAddress> devices;
  };
  const Group* FindGroupOf(const sysfs::PciAddress& device) const;
  base::Status CheckViable(const base::Fd& group, const sysfs::PciAddress& device) const;
  // Puts the group into the container; the first one brings its IOMMU driver with it.
  base::Status Attach(const base::Fd& group, const sysfs::PciAddress& device) const;
  base::Failure Explained(Step step, int err, const sysfs::PciAddress& device) const;

  base::Kernel* kernel_;
  const sysfs::Tree* tree_;
  base::Fd container_;
  std::mutex mutex_;  // what OpenDevice looks up while groups come and go
  std::vector<Group> groups_;
  MapList maps_;
  unsigned map_count_ = 0;
};

}  // namespace vfio
