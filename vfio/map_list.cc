#include "vfio/map_list.h"

#include <iterator>

namespace vfio {

bool MapList::Holds(const base::Range& range) const {
  const auto found = maps_.find(range.base);
  return found != maps_.end() && found->second == range.size;
}

std::optional<base::Range> MapList::FindOverlap(const base::Range& range) const {
  auto next = maps_.upper_bound(range.base);
  if (next != maps_.begin()) --next;
  for (; next != maps_.end() && (next->first <= range.base || range.Contains(next->first));
       ++next) {
    const base::Range map{next->first, next->second};
    if (map.Overlaps(range)) return map;
  }
  return std::nullopt;
}

uint64_t MapList::total() const {
  uint64_t sum = 0;
  for (const auto& [start, size] : maps_) sum += size;
  return sum;
}

}  // namespace vfio
