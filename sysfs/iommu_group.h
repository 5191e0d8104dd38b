// IOMMU groups: the smallest set of functions that the IOMMU can tell from the rest, and the
// addresses that their DMA must not use (Documentation/ABI/testing/sysfs-kernel-iommu_groups).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sysfs/base/result.h"
#include "sysfs/pci_device.h"
#include "sysfs/tree.h"

namespace sysfs {

enum class ReservedKind : uint8_t { kDirect, kDirectRelaxable, kReserved, kMsi, kOther };

struct ReservedRegion {
  uint64_t start = 0;
  uint64_t last = 0;  // inclusive
  ReservedKind kind = ReservedKind::kOther;
  std::string kind_name;  // as the kernel says it
};

struct IommuGroup {
  unsigned id = 0;
  std::string type;  // DMA, DMA-FQ, identity, ...; empty when not readable
  std::vector<PciAddress> members;
  std::vector<ReservedRegion> reserved;
};

base::Result<IommuGroup> ReadGroup(const Tree& tree, unsigned id);

// A member whose driver does DMA for the host: with it user space cannot own the group.
struct Blocker {
  PciAddress address;
  std::string driver;
};

// The rule since Linux 5.19 (drivers/iommu/iommu.c): drivers flagged `driver_managed_dma` (the VFIO
// drivers, pci-stub, pcieport) and driverless members are neutral, any other driver owns the
// group's DMA.
std::vector<Blocker> FindBlockers(const Tree& tree, const IommuGroup& group);
// Whether a driver of this name leaves DMA to user space.
bool IsManagedDmaDriver(const Tree& tree, std::string_view driver);

}  // namespace sysfs
