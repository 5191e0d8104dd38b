// Kernel modules as distributions store them: plain, or compressed by gzip, xz or zstd.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sysfs/base/result.h"

namespace vmm::guest {

// The bytes as they are when no known magic stands in front. kUsage when the data are damaged or
// would be larger than `limit`. The libraries' memory is bounded, too.
base::Result<std::vector<std::byte>> Decompress(std::span<const std::byte> data, size_t limit);

}  // namespace vmm::guest
