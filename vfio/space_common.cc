#include "vfio/space_common.h"

#include <fmt/format.h>

#include "sysfs/iommu_group.h"
#include "vfio/memlock.h"

namespace vfio {

base::Failure ClaimedTwice(const sysfs::PciAddress& device) {
  return base::Fail(base::Code::kUsage, device.ToString() + ": assigned twice");
}

base::Failure NotClaimed(const sysfs::PciAddress& device) {
  return base::Fail(base::Code::kInternal, device.ToString() + ": opened before it was claimed");
}

base::Result<base::Range> CheckMap(base::Iova iova, std::span<std::byte> memory) {
  const auto range = base::CheckedRange(iova.value, memory.size());
  const uint64_t bits = iova.value | memory.size() | reinterpret_cast<uintptr_t>(memory.data());
  if (!range || range->empty() || bits % base::kPageSize != 0)
    return base::Fail(base::Code::kInternal, fmt::format("map {:#x}+{:#x} for DMA: not whole pages",
                                                         iova.value, memory.size()));
  return *range;
}

base::Failure ExplainedMap(int err, const base::Range& range, const DmaSpace& space,
                           const MapList& maps, const sysfs::Tree& tree,
                           std::span<const unsigned> groups) {
  MapFacts facts;
  facts.range = range;
  if (auto allowed = space.AllowedRanges()) facts.allowed = std::move(*allowed);
  for (const unsigned id : groups) {
    if (auto group = sysfs::ReadGroup(tree, id)) facts.groups.push_back(std::move(*group));
  }
  facts.overlap = maps.FindOverlap(range);
  facts.mapped = maps.total();
  facts.limits = ReadMemlockLimits(tree);
  return base::Failure(ExplainMap(err, facts));
}

}  // namespace vfio
