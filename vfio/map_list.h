// The DMA maps of a space, kept to say which one a failing map collides with and to refuse an unmap
// that would split one. Pure bookkeeping.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sysfs/base/address.h"

namespace vfio {

class MapList {
 public:
  // The caller knows that the range is not empty, does not wrap and overlaps no other.
  void Add(const base::Range& range) { maps_[range.base] = range.size; }
  void Remove(const base::Range& range) { maps_.erase(range.base); }

  // Whether exactly this range was mapped as one.
  bool Holds(const base::Range& range) const;
  // The lowest map that shares an address with the range.
  std::optional<base::Range> FindOverlap(const base::Range& range) const;
  uint64_t total() const;

 private:
  std::map<uint64_t, uint64_t> maps_;  // size by base
};

}  // namespace vfio
