#include "vmm/assigned/bars.h"

#include <algorithm>
#include <bit>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"
#include "sysfs/pci_registers.h"
#include "vmm/pci/msix.h"

namespace vmm::assigned {
namespace {

namespace bar = sysfs::registers::bar;
using base::Range;

constexpr uint64_t kMaxIoBar = 4096;
constexpr uint64_t kMaxBar32 = uint64_t{1} << 31;
constexpr uint64_t kMaxBar64 = uint64_t{1} << 46;

bool IsPlausible(const pci::BarInfo& info) {
  if (!std::has_single_bit(info.size)) return false;
  switch (info.kind) {
    case pci::BarKind::kIo:
      return info.size >= 4 && info.size <= kMaxIoBar;
    case pci::BarKind::kMemory32:
      return info.size >= 16 && info.size <= kMaxBar32;
    case pci::BarKind::kMemory64:
      return info.size >= 16 && info.size <= kMaxBar64 && info.index < 5;
  }
  return false;
}

pci::BarInfo Describe(uint32_t raw, unsigned index, uint64_t size) {
  if (bar::IsIo::Get(raw) != 0) return {index, pci::BarKind::kIo, size, false};
  const bool wide = bar::MemoryType::Get(raw) == bar::kMemory64;
  return {index, wide ? pci::BarKind::kMemory64 : pci::BarKind::kMemory32, size,
          bar::Prefetchable::Get(raw) != 0};
}

// The pages that hold the MSI-X table or the pending bits in this BAR.
std::vector<Range> EmulatedPages(unsigned index, const std::optional<MsixLayout>& msix,
                                 uint64_t page_size) {
  std::vector<Range> pages;
  if (!msix) return pages;
  const auto add = [&](uint64_t offset, uint64_t size) {
    const uint64_t start = base::AlignDown(offset, page_size);
    pages.push_back({start, base::AlignUp(offset + size, page_size) - start});
  };
  if (msix->table_bar == index) {
    add(msix->table_offset, uint64_t{msix->vectors} * pci::kMsixEntrySize);
  }
  if (msix->pending_bar == index) {
    add(msix->pending_offset, uint64_t{(msix->vectors + 63) / 64} * 8);
  }
  return pages;
}

std::vector<Range> Subtract(const std::vector<Range>& from, const Range& hole) {
  std::vector<Range> rest;
  for (const Range& range : from) {
    if (!range.Overlaps(hole)) {
      rest.push_back(range);
      continue;
    }
    if (range.base < hole.base) rest.push_back({range.base, hole.base - range.base});
    if (hole.end() < range.end()) rest.push_back({hole.end(), range.end() - hole.end()});
  }
  return rest;
}

std::vector<vfio::Area> ToAreas(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<vfio::Area> areas;
  for (const Range& range : ranges) areas.push_back({range.base, range.size});
  return areas;
}

bool IsWholePages(const vfio::Area& area, uint64_t region_size, uint64_t page_size) {
  return area.size != 0 && area.offset % page_size == 0 && area.size % page_size == 0 &&
         Range{0, base::AlignUp(region_size, page_size)}.Contains(Range{area.offset, area.size});
}

}  // namespace

std::vector<pci::BarInfo> ParseBars(std::span<const std::byte> config, const RegionSizes& sizes) {
  std::vector<pci::BarInfo> bars;
  for (unsigned i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) continue;
    const auto raw = base::LoadLe<uint32_t>(config, sysfs::registers::header::kBar0 + 4 * i);
    const pci::BarInfo info = Describe(raw, i, sizes[i]);
    if (!IsPlausible(info)) continue;
    bars.push_back(info);
    if (info.kind == pci::BarKind::kMemory64) ++i;  // the next register is its upper half
  }
  return bars;
}

BarPlan PlanBar(const vfio::Region& region, const std::optional<MsixLayout>& msix,
                uint64_t page_size) {
  std::vector<Range> mapped;
  if (region.mappable && region.readable) {
    for (const vfio::Area& area : region.areas) {
      if (!IsWholePages(area, region.size, page_size)) continue;
      const Range range{area.offset, area.size};
      // Areas that overlap count once.
      for (const Range& before : std::vector<Range>(mapped)) {
        if (before.Overlaps(range)) mapped = Subtract(mapped, range);
      }
      mapped.push_back(range);
    }
  }
  for (const Range& pages : EmulatedPages(region.index, msix, page_size)) {
    mapped = Subtract(mapped, pages);
  }
  std::vector<Range> trapped = {{0, region.size}};
  for (const Range& range : mapped) trapped = Subtract(trapped, range);
  return {ToAreas(std::move(mapped)), ToAreas(std::move(trapped))};
}

}  // namespace vmm::assigned
