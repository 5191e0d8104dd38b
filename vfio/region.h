// A region of a VFIO device and which parts of it can be mapped; parsed from the kernel's reply,
// which is bounded and checked (VFIO_DEVICE_GET_REGION_INFO with its capability chain,
// linux/vfio.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sysfs/base/result.h"

namespace vfio {

// Relative to the region, multiples of the page size; inside it, but for the page of a smaller one.
struct Area {
  uint64_t offset = 0;
  uint64_t size = 0;
  bool operator==(const Area&) const = default;
};

struct Region {
  uint32_t index = 0;
  uint64_t size = 0;
  uint64_t file_offset = 0;  // in the device's descriptor
  bool readable = false;
  bool writable = false;
  bool mappable = false;
  bool msix_mappable =
      false;  // the MSI-X table's page may be mapped too (VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
  // What can be mapped: the sparse list, or the whole region. A smaller region than a page has its
  // page, of which the kernel has reserved the rest (vfio_pci_probe_mmaps).
  std::vector<Area> areas;
};

// `reply` is a struct vfio_region_info with what follows it. Pure.
base::Result<Region> ParseRegionInfo(std::span<const std::byte> reply);

}  // namespace vfio
