#include "vfio/region.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "sysfs/base/address.h"
#include "sysfs/base/bits.h"
#include "vfio/cap_chain.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

// Offsets in a file are signed.
constexpr uint64_t kFileEnd = uint64_t{1} << 63;

base::Failure Malformed(uint32_t index, const std::string& what) {
  return base::Fail(base::Code::kKernel, fmt::format("region {}: {}", index, what));
}

// The whole pages inside [offset, offset + size); the caller knows that the sum fits.
Area WholePages(uint64_t offset, uint64_t size) {
  const uint64_t start = base::AlignUp(offset, base::kPageSize);
  const uint64_t end = base::AlignDown(offset + size, base::kPageSize);
  return {start, end > start ? end - start : 0};
}

// The areas of a sparse-mmap capability: {offset, size} pairs.
base::Status AddSparseAreas(const InfoCapability& capability, Region& region) {
  const std::vector<Pair> pairs = TRY(ListCapabilityPairs(capability));
  for (const auto& [offset, size] : pairs) {
    if (offset > region.size || size > region.size - offset)
      return Malformed(region.index,
                       fmt::format("mappable area {:#x}+{:#x} is outside of {:#x} bytes", offset,
                                   size, region.size));
    const Area area = WholePages(offset, size);
    if (area.size > 0) region.areas.push_back(area);
  }
  return {};
}

base::Status CheckOrder(Region& region) {
  std::sort(region.areas.begin(), region.areas.end(),
            [](const Area& a, const Area& b) { return a.offset < b.offset; });
  const auto overlap =
      std::adjacent_find(region.areas.begin(), region.areas.end(),
                         [](const Area& a, const Area& b) { return b.offset - a.offset < a.size; });
  if (overlap != region.areas.end())
    return Malformed(region.index, fmt::format("mappable areas overlap at {:#x}", overlap->offset));
  return {};
}

base::Status ParseCapabilities(std::span<const std::byte> reply, uint32_t first, Region& region) {
  bool sparse = false;
  const std::vector<InfoCapability> capabilities =
      TRY(ListInfoCapabilities(reply, first, sizeof(::vfio_region_info)));
  for (const InfoCapability& capability : capabilities) {
    if (capability.id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) region.msix_mappable = true;
    if (capability.id != VFIO_REGION_INFO_CAP_SPARSE_MMAP || !region.mappable) continue;
    sparse = true;
    TRY(AddSparseAreas(capability, region));
  }
  if (sparse) return CheckOrder(region);
  const bool is_small = region.size > 0 && region.size < base::kPageSize;
  const Area whole = is_small ? Area{0, base::kPageSize} : WholePages(0, region.size);
  if (region.mappable && whole.size > 0) region.areas.push_back(whole);
  return {};
}

}  // namespace

base::Result<Region> ParseRegionInfo(std::span<const std::byte> reply) {
  ::vfio_region_info info{};
  if (reply.size() < sizeof info)
    return base::Fail(base::Code::kKernel, fmt::format("region: {} bytes of reply", reply.size()));
  std::memcpy(&info, reply.data(), sizeof info);
  if (info.offset >= kFileEnd || info.size > kFileEnd - info.offset)
    return Malformed(info.index,
                     fmt::format("impossible size {:#x} at offset {:#x}", info.size, info.offset));

  Region region;
  region.index = info.index;
  region.size = info.size;
  region.file_offset = info.offset;
  region.readable = (info.flags & VFIO_REGION_INFO_FLAG_READ) != 0;
  region.writable = (info.flags & VFIO_REGION_INFO_FLAG_WRITE) != 0;
  region.mappable = (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0;
  const bool chain = (info.flags & VFIO_REGION_INFO_FLAG_CAPS) != 0;
  TRY(ParseCapabilities(reply, chain ? info.cap_offset : 0, region));
  return region;
}

}  // namespace vfio
