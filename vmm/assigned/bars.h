// BARs of an assigned device: which pages the guest reaches directly and which accesses are
// trapped. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vfio/region.h"
#include "vmm/assigned/config.h"
#include "vmm/pci/function.h"

namespace vmm::assigned {

// Sizes of the BAR regions by index, 0 for none.
using RegionSizes = std::array<uint64_t, 6>;

// The kind from the register's low bits, the size from VFIO. What no BAR can be (a size that is no
// power of two, a 64-bit BAR in the last register) is left out.
std::vector<pci::BarInfo> ParseBars(std::span<const std::byte> config, const RegionSizes& sizes);

// The windows of one BAR, ascending; together they cover it. That of a BAR smaller than a page is
// its page, which can be mapped while nothing else of the guest is in it.
struct BarPlan {
  std::vector<vfio::Area> mapped;   // of whole pages, backed by the device's memory
  std::vector<vfio::Area> trapped;  // each access goes through the monitor
  bool operator==(const BarPlan&) const = default;
};

// The pages of the MSI-X table and of the pending bits are always trapped; so is what the kernel
// does not let us map.
BarPlan PlanBar(const vfio::Region& region, const std::optional<MsixLayout>& msix,
                uint64_t page_size);

}  // namespace vmm::assigned
