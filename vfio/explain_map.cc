#include "vfio/explain_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include "sysfs/base/text.h"

namespace vfio {
namespace {

using base::Code;
using base::Error;

std::string RangeText(uint64_t start, uint64_t last) {
  return fmt::format("{:#x}-{:#x}", start, last);
}

std::string RangeText(const base::Range& range) {
  return RangeText(range.base, range.base + range.size - 1);
}

Error Make(Code code, int err, const base::Range& range, const std::string& cause,
           std::string hint = "") {
  return Error(code, fmt::format("map {} for DMA: {}", RangeText(range), cause), err)
      .WithHint(std::move(hint));
}

Error NoMemory(int err, const MapFacts& facts) {
  const uint64_t needed = facts.mapped + facts.range.size;
  const auto plan = PlanMemlock(needed, facts.limits);
  if (plan && !*plan)
    return Make(Code::kKernel, err, facts.range, "the host is out of memory, or of huge pages",
                "free memory on the host, or give the guest less");
  if (!plan)
    return Make(Code::kDenied, err, facts.range, plan.error().message(), plan.error().hint());
  return Make(Code::kDenied, err, facts.range,
              fmt::format("locked memory: {} needed, RLIMIT_MEMLOCK allows {}",
                          base::FormatSize(needed), base::FormatSize(facts.limits.soft)),
              fmt::format("ulimit -l {}", (needed + 1023) / 1024));
}

bool IsAllowed(const MapFacts& facts) {
  const uint64_t last = facts.range.base + facts.range.size - 1;
  return facts.allowed.empty() ||
         std::any_of(facts.allowed.begin(), facts.allowed.end(), [&](const IovaRange& allowed) {
           return allowed.start <= facts.range.base && last <= allowed.last;
         });
}

// "overlaps 0xfee00000-0xfeefffff, reserved (msi) by group 14"; empty when no group reserves it.
std::string ReservedText(const MapFacts& facts) {
  const uint64_t last = facts.range.base + facts.range.size - 1;
  for (const sysfs::IommuGroup& group : facts.groups) {
    for (const sysfs::ReservedRegion& region : group.reserved) {
      if (region.start > last || region.last < facts.range.base) continue;
      return fmt::format("overlaps {}, reserved ({}) by IOMMU group {}",
                         RangeText(region.start, region.last), region.kind_name, group.id);
    }
  }
  return "";
}

Error Invalid(int err, const MapFacts& facts) {
  if (IsAllowed(facts))
    return Make(Code::kKernel, err, facts.range, "not a multiple of the IOMMU's page size");
  std::string list;
  for (const IovaRange& allowed : facts.allowed)
    list += (list.empty() ? "" : ", ") + RangeText(allowed.start, allowed.last);
  const std::string reserved = ReservedText(facts);
  return Make(Code::kUnfit, err, facts.range,
              fmt::format("{}; the IOMMU takes {}",
                          reserved.empty() ? "outside of what the IOMMU takes" : reserved, list),
              "give the guest less memory, or another memory layout");
}

}  // namespace

Error ExplainMap(int err, const MapFacts& facts) {
  switch (err) {
    case ENOMEM:
      return NoMemory(err, facts);
    case EINVAL:
    case EOVERFLOW:
      return Invalid(err, facts);
    case EEXIST:
    case EADDRINUSE:
      return Make(Code::kInternal, err, facts.range,
                  facts.overlap ? "overlaps the map " + RangeText(*facts.overlap)
                                : "overlaps an earlier map");
    case ENOSPC:
      return Make(Code::kKernel, err, facts.range, "no DMA entry is left",
                  "raise /sys/module/vfio_iommu_type1/parameters/dma_entry_limit");
    case EFAULT:
      return Make(Code::kKernel, err, facts.range,
                  "its memory is not mapped here, or is a device's (with iommufd no BAR can be "
                  "mapped)");
    default:
      return Make(Code::kKernel, err, facts.range, std::generic_category().message(err));
  }
}

Error ExplainMapAgain(int err, const base::Range& range) {
  if (err != ENOMEM) return Make(Code::kKernel, err, range, std::generic_category().message(err));
  return Make(Code::kDenied, err, range,
              "locked memory is at its limit (RLIMIT_MEMLOCK), or the host is out of memory",
              "free memory on the host, or raise the limit (prlimit --memlock)");
}

Error ExplainUnmap(int err, const base::Range& range) {
  const std::string object = fmt::format("unmap {}", RangeText(range));
  switch (err) {
    case 0:
    case ENOENT:
      return Error(Code::kInternal, object + ": not mapped as one", err);
    case EBUSY:
      return Error(Code::kInUse, object + ": a driver still uses it", err);
    default:
      return Error(Code::kKernel, object + ": " + std::generic_category().message(err), err);
  }
}

}  // namespace vfio
