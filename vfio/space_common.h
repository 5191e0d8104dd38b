// What both kinds of DMA space do alike; for their sources alone.
#pragma once

#include <span>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "sysfs/pci_address.h"
#include "sysfs/tree.h"
#include "vfio/dma_space.h"
#include "vfio/explain_map.h"
#include "vfio/map_list.h"

namespace vfio {

base::Failure ClaimedTwice(const sysfs::PciAddress& device);
base::Failure NotClaimed(const sysfs::PciAddress& device);

// Whole pages, at least one, that do not wrap; anything else is our own mistake.
base::Result<base::Range> CheckMap(base::Iova iova, std::span<std::byte> memory);

// Reads what the explanation of a failed map needs.
base::Failure ExplainedMap(int err, const base::Range& range, const DmaSpace& space,
                           const MapList& maps, const sysfs::Tree& tree,
                           std::span<const unsigned> groups);

}  // namespace vfio
