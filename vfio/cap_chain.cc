#include "vfio/cap_chain.h"

#include <fmt/format.h>

#include "sysfs/base/bits.h"
#include "vfio/uapi.h"

namespace vfio {
namespace {

constexpr size_t kHeader = sizeof(::vfio_info_cap_header);
constexpr size_t kPairsOffset = kHeader + 8;
constexpr size_t kPairSize = 16;

}  // namespace

base::Result<std::vector<InfoCapability>> ListInfoCapabilities(std::span<const std::byte> reply,
                                                               uint32_t first, size_t fixed) {
  std::vector<InfoCapability> found;
  size_t lowest = fixed;
  for (uint32_t offset = first; offset != 0;) {
    if (offset < lowest || offset > reply.size() || reply.size() - offset < kHeader) {
      return base::Fail(base::Code::kKernel,
                        fmt::format("capability chain of the kernel's reply: bad offset {:#x} of "
                                    "{:#x} bytes",
                                    offset, reply.size()));
    }
    const auto next = base::LoadLe<uint32_t>(reply, offset + 4);
    const bool inside = next > offset && next <= reply.size();
    found.push_back({base::LoadLe<uint16_t>(reply, offset),
                     base::LoadLe<uint16_t>(reply, offset + 2),
                     reply.subspan(offset, (inside ? next : reply.size()) - offset)});
    lowest = offset + kHeader;
    offset = next;
  }
  return found;
}

base::Result<std::vector<Pair>> ListCapabilityPairs(const InfoCapability& capability) {
  const std::span<const std::byte> bytes = capability.bytes;
  const auto count = base::LoadLe<uint32_t>(bytes, kHeader);
  if (bytes.size() < kPairsOffset || count > (bytes.size() - kPairsOffset) / kPairSize) {
    return base::Fail(base::Code::kKernel,
                      fmt::format("capability {} of the kernel's reply: {} entries in {} bytes",
                                  capability.id, count, bytes.size()));
  }
  std::vector<Pair> pairs;
  for (uint32_t i = 0; i < count; ++i) {
    const size_t at = kPairsOffset + size_t{i} * kPairSize;
    pairs.push_back({base::LoadLe<uint64_t>(bytes, at), base::LoadLe<uint64_t>(bytes, at + 8)});
  }
  return pairs;
}

}  // namespace vfio
