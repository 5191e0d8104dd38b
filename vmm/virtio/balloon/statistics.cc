#include "vmm/virtio/balloon/statistics.h"

#include <algorithm>

#include "sysfs/base/bits.h"

namespace vmm::virtio {

Statistics ParseStatistics(std::span<const std::byte> bytes) {
  Statistics all;
  const size_t count = std::min(bytes.size() / kStatisticBytes, kMostStatistics);
  for (size_t i = 0; i < count; ++i) {
    const auto tag = base::LoadLe<uint16_t>(bytes, i * kStatisticBytes);
    if (tag < all.size()) all[tag] = base::LoadLe<uint64_t>(bytes, i * kStatisticBytes + 2);
  }
  return all;
}

}  // namespace vmm::virtio
