// What an errno of a DMA map or unmap means to a person. Pure.
//
// Sources: vfio_dma_do_map in drivers/vfio/vfio_iommu_type1.c; iopt_map_user_pages in
// drivers/iommu/iommufd/io_pagetable.c.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "sysfs/iommu_group.h"
#include "vfio/dma_space.h"
#include "vfio/memlock.h"

namespace vfio {

struct MapFacts {
  base::Range range;                      // what was to be mapped, in I/O virtual addresses
  std::vector<IovaRange> allowed;         // empty when not known
  std::vector<sysfs::IommuGroup> groups;  // of the claimed devices
  std::optional<base::Range> overlap;     // an earlier map in the way
  uint64_t mapped = 0;                    // bytes that are mapped already
  MemlockLimits limits;
};
base::Error ExplainMap(int err, const MapFacts& facts);
// Without the facts.
base::Error ExplainMapAgain(int err, const base::Range& range);
base::Error ExplainUnmap(int err, const base::Range& range);

}  // namespace vfio
