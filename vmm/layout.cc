#include "vmm/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "sysfs/base/text.h"

namespace vmm {
namespace {

using base::AlignDown;
using base::AlignUp;
using base::kGiB;
using base::kMiB;
using base::Range;

constexpr uint64_t kEcamBytes = 256 * kMiB;  // kept free for it: 256 buses
constexpr uint64_t kUsualMmio32Base = 0xc0000000;
constexpr uint64_t kLowestMmio32Base = 1 * kGiB + kEcamBytes;  // leaves 1 GiB of low RAM
constexpr uint64_t kUsualMmio64Bytes = 64 * kGiB;
constexpr uint64_t kFourGiB = 4 * kGiB;

bool Overlaps(const Range& range, const ReservedRange& reserved) {
  return !range.empty() && reserved.start < range.end() && reserved.last >= range.base;
}

const ReservedRange* FirstOverlap(const Range& range, std::span<const ReservedRange> reserved) {
  const auto found = std::find_if(reserved.begin(), reserved.end(),
                                  [&](const ReservedRange& one) { return Overlaps(range, one); });
  return found == reserved.end() ? nullptr : &*found;
}

std::string Describe(const ReservedRange& reserved) {
  return fmt::format("{:#x}-{:#x} ({})", reserved.start, reserved.last, reserved.owner);
}

base::Result<uint64_t> PlanMmio32Base(uint64_t bar32_bytes) {
  if (bar32_bytes <= kIoApicBase - kUsualMmio32Base) return kUsualMmio32Base;
  if (bar32_bytes > kIoApicBase - kLowestMmio32Base) {
    return base::Fail(base::Code::kUnfit,
                      fmt::format("32-bit BARs of {} do not fit below the I/O APIC: at most {}",
                                  base::FormatSize(bar32_bytes),
                                  base::FormatSize(kIoApicBase - kLowestMmio32Base)),
                      "assign fewer devices to this machine");
  }
  return AlignDown(kIoApicBase - bar32_bytes, kEcamBytes);
}

base::Result<Range> PlanLowRam(const LayoutRequest& request, uint64_t limit) {
  const Range low{0, std::min(request.memory_bytes, limit)};
  const ReservedRange* conflict = FirstOverlap(low, request.reserved);
  if (conflict == nullptr) return low;
  const uint64_t room = AlignDown(conflict->start, request.page_bytes);
  std::string hint = "assign a device of another IOMMU group";
  if (room >= kMinimumMemory) {
    hint += fmt::format(", or use at most --memory {}M", room / kMiB);
  }
  return base::Fail(
      base::Code::kUnfit,
      fmt::format("guest RAM at 0x0-{:#x} meets the reserved IOVA range {}, which DMA must not use",
                  low.end() - 1, Describe(*conflict)),
      hint);
}

struct Placement {
  std::optional<Range> range;
  const ReservedRange* moved_by = nullptr;  // the last range that was in the way
};

// The lowest place at or above `base` that no reserved range meets, below `limit`.
Placement PlaceAbove(Range wanted, uint64_t alignment, uint64_t limit,
                     std::span<const ReservedRange> reserved) {
  Placement placement;
  uint64_t base = AlignUp(wanted.base, alignment);
  while (base < limit && wanted.size <= limit - base) {
    const ReservedRange* conflict = FirstOverlap({base, wanted.size}, reserved);
    if (conflict == nullptr) {
      placement.range = Range{base, wanted.size};
      return placement;
    }
    placement.moved_by = conflict;
    if (conflict->last >= limit) return placement;
    base = AlignUp(conflict->last + 1, alignment);
  }
  return placement;
}

std::string NoRoom(std::string_view what, uint64_t size, unsigned bits, const Placement& place) {
  std::string text = fmt::format("{} of {} does not fit into {} bits of guest physical address",
                                 what, base::FormatSize(size), bits);
  if (place.moved_by != nullptr) {
    text += fmt::format(" {} the reserved IOVA range {}",
                        place.moved_by->last == UINT64_MAX ? "below" : "above",
                        Describe(*place.moved_by));
  }
  return text;
}

// One piece, so that it is one memory slot and one DMA map; 1 GiB aligned for huge IOMMU pages.
base::Result<Range> PlanHighRam(uint64_t size, const LayoutRequest& request, uint64_t limit) {
  std::vector<ReservedRange> avoided = request.reserved;
  if (request.untranslated) avoided.push_back(*request.untranslated);
  const Placement place = PlaceAbove({kFourGiB, size}, kGiB, limit, avoided);
  if (place.range) return *place.range;
  return base::Fail(base::Code::kUnfit,
                    NoRoom("RAM above 4 GiB", size, request.physical_address_bits, place),
                    "give the machine less --memory");
}

base::Result<Range> PlanMmio64(uint64_t after, const LayoutRequest& request, uint64_t limit) {
  const uint64_t needed = AlignUp(request.bar64_bytes, kMiB);
  Placement place;
  // The usual window leaves room for hot-plug; a narrow address width gets what there is.
  for (uint64_t size = std::max(kUsualMmio64Bytes, std::bit_ceil(needed));
       size >= std::max(needed, kGiB); size /= 2) {
    place = PlaceAbove({after, size}, size, limit, request.reserved);
    if (place.range) return *place.range;
  }
  if (needed == 0) return Range{};
  place = PlaceAbove({after, needed}, kGiB, limit, request.reserved);
  if (place.range) return *place.range;
  return base::Fail(
      base::Code::kUnfit,
      NoRoom("a window for 64-bit BARs", needed, request.physical_address_bits, place),
      "assign fewer devices or give the machine less --memory");
}

base::Status CheckRequest(const LayoutRequest& request) {
  const uint64_t memory = request.memory_bytes;
  if (memory % base::kPageSize != 0) {
    return base::Fail(base::Code::kUsage,
                      fmt::format("--memory {}: not a multiple of 4 KiB", memory));
  }
  if (memory < kMinimumMemory) {
    return base::Fail(base::Code::kUsage, fmt::format("--memory {}: a machine needs at least {}",
                                                      memory, base::FormatSize(kMinimumMemory)));
  }
  const unsigned bits = request.physical_address_bits;
  if (bits < 32 || bits > 52 || memory > uint64_t{1} << bits || request.bar64_bytes >> bits != 0) {
    return base::Fail(
        base::Code::kUnfit,
        fmt::format("--memory {} with 64-bit BARs of {}: beyond {} bits of guest "
                    "physical address",
                    base::FormatSize(memory), base::FormatSize(request.bar64_bytes), bits),
        "give the machine less --memory");
  }
  return {};
}

}  // namespace

uint64_t Layout::memory_bytes() const {
  uint64_t total = 0;
  for (const Range& range : ram) total += range.size;
  return total;
}

base::Result<Layout> PlanLayout(const LayoutRequest& request) {
  TRY(CheckRequest(request));
  Layout layout;
  layout.physical_address_bits = request.physical_address_bits;
  const uint64_t limit = uint64_t{1} << request.physical_address_bits;
  const uint64_t mmio32_base = TRY(PlanMmio32Base(request.bar32_bytes));
  layout.mmio32 = {mmio32_base, kIoApicBase - mmio32_base};
  layout.ecam = {mmio32_base - kEcamBytes, std::clamp(request.buses, 1u, 256u) * kMiB};
  const uint64_t low_limit = AlignDown(layout.ecam.base, request.page_bytes);
  layout.ram.push_back(TRY(PlanLowRam(request, low_limit)));
  if (const uint64_t rest = request.memory_bytes - layout.ram.front().size; rest > 0) {
    layout.ram.push_back(TRY(PlanHighRam(rest, request, limit)));
  }
  const uint64_t after = std::max(kFourGiB, layout.ram.back().end());
  layout.mmio64 = TRY(PlanMmio64(after, request, limit));
  return layout;
}

}  // namespace vmm
