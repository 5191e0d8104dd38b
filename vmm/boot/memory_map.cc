#include "vmm/boot/memory_map.h"

#include <algorithm>

#include "vmm/boot/low_memory.h"
#include "vmm/platform.h"

namespace vmm::boot {
namespace {

void AddRam(std::vector<MapEntry>& map, const base::Range& ram) {
  const uint64_t low_end = std::min(ram.end(), kLowMemoryEnd);
  if (ram.base < low_end) map.push_back({{ram.base, low_end - ram.base}, MapType::kRam});
  const uint64_t high_base = std::max(ram.base, kHighMemoryBase);
  if (high_base < ram.end()) map.push_back({{high_base, ram.end() - high_base}, MapType::kRam});
}

}  // namespace

std::vector<MapEntry> MemoryMap(const Layout& layout) {
  std::vector<MapEntry> map;
  for (const base::Range& ram : layout.ram) AddRam(map, ram);
  map.push_back({{kAcpiTablesBase, kAcpiTablesSize}, MapType::kAcpi});
  if (!layout.ecam.empty()) map.push_back({layout.ecam, MapType::kReserved});
  std::ranges::sort(map, {}, [](const MapEntry& entry) { return entry.range.base; });
  return map;
}

}  // namespace vmm::boot
