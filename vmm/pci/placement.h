// Where BARs may be: the check of a guest's choice, and the addresses before a guest runs.
//
// All pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sysfs/base/address.h"
#include "sysfs/base/result.h"
#include "vmm/layout.h"
#include "vmm/pci/function.h"

namespace vmm::pci {

// Where BARs may be active.
struct BarWindows {
  std::vector<base::Range> memory;
  std::vector<base::Range> taken;  // RAM, ECAM and the interrupt controllers: never
  base::Range io;
};
BarWindows WindowsOf(const Layout& layout);

enum class BarFit : uint8_t { kFits, kOverlapsMachine, kOutsideWindows, kOverlapsBar };
// Whether a BAR may become active beside those that are.
BarFit CheckBar(const base::Range& range, BarKind kind, const BarWindows& windows,
                std::span<const base::Range> active_of_same_space);
// Whether a memory range smaller than a page begins with one, in which no other one is.
bool OwnsPage(const base::Range& range, std::span<const base::Range> active_memory);
std::string_view BarFitText(BarFit fit);

struct FunctionBars {
  std::string name;  // for messages
  std::vector<BarInfo> bars;
};

struct BarPlacement {
  size_t function = 0;  // index into the functions
  unsigned index = 0;
  uint64_t address = 0;
  bool operator==(const BarPlacement&) const = default;
};

// What addresses are given from.
struct PlacementWindows {
  base::Range low;   // below 4 GiB
  base::Range high;  // may be empty
  base::Range io;    // may be empty
};
PlacementWindows PlacementOf(const Layout& layout);

// Above 512 MiB a 64-bit BAR that is not prefetchable would take the low window from all others.
bool PrefersHigh(const BarInfo& bar);

// Largest first, naturally aligned: 64-bit prefetchable BARs in the high window, other memory BARs
// in the low one as long as there is room. kUnfit names the BAR that has no room; a ROM without
// room, with which a guest can do nothing that it needs, has no address.
base::Result<std::vector<BarPlacement>> PlanBarAddresses(std::span<const FunctionBars> functions,
                                                         const PlacementWindows& windows);

}  // namespace vmm::pci
