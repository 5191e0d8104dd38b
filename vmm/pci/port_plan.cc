#include "vmm/pci/port_plan.h"

#include <algorithm>
#include <bit>

#include "vmm/pci/bars.h"

namespace vmm::pci {
namespace {

// A port's windows are placed as if they were its BARs; the granularity is that of its registers.
constexpr unsigned kMemoryWindow = 0;
constexpr unsigned kPrefetchWindow = 2;
constexpr unsigned kIoWindow = 4;
constexpr uint64_t kIoGranularity = 4 * base::kKiB;
constexpr uint64_t kMostSparePrefetch = base::kGiB;

struct Sizes {
  uint64_t memory = 0;
  uint64_t prefetch = 0;
  uint64_t io = 0;
};

Sizes SizesOf(const PortContent& port, bool has_high) {
  Sizes sizes;
  for (const FunctionBars& function : port.functions) {
    for (const BarInfo& bar : function.bars) {
      const bool high = has_high && PrefersHigh(bar);
      (bar.kind == BarKind::kIo ? sizes.io
       : high                   ? sizes.prefetch
                                : sizes.memory) += BarAlignment(bar);
    }
  }
  return sizes;
}

// A quarter of the window for all ports together; none where that is too little to be of use.
uint64_t SparePrefetch(const Layout& layout, size_t ports) {
  const uint64_t each = layout.mmio64.size / 4 / std::max<size_t>(ports, 1);
  return each < kPortMemory ? 0 : std::min(std::bit_floor(each), kMostSparePrefetch);
}

// What is given to ports beyond the memory of their cards' BARs.
struct Extra {
  uint64_t spare = 0;  // prefetchable, for what hot-plug may bring
  bool io = true;
};

FunctionBars WindowsAsBars(const PortContent& port, const Extra& extra, bool has_high) {
  Sizes sizes = SizesOf(port, has_high);
  if (!extra.io) sizes.io = 0;
  FunctionBars windows = {port.name, {}};
  windows.bars.push_back({kMemoryWindow, BarKind::kMemory32,
                          std::bit_ceil(std::max(sizes.memory, kPortMemory)), false});
  if (const uint64_t prefetch = std::max(sizes.prefetch, extra.spare); prefetch > 0) {
    windows.bars.push_back(
        {kPrefetchWindow, BarKind::kMemory64, std::bit_ceil(std::max(prefetch, base::kMiB)), true});
  }
  if (sizes.io > 0) {
    windows.bars.push_back(
        {kIoWindow, BarKind::kIo, std::bit_ceil(std::max(sizes.io, kIoGranularity)), false});
  }
  return windows;
}

void SetWindow(PortWindows& windows, const FunctionBars& asked, const BarPlacement& placed) {
  const auto bar = std::find_if(asked.bars.begin(), asked.bars.end(),
                                [&](const BarInfo& one) { return one.index == placed.index; });
  base::Range& window = placed.index == kMemoryWindow     ? windows.memory
                        : placed.index == kPrefetchWindow ? windows.prefetch
                                                          : windows.io;
  window = {placed.address, bar->size};
}

std::vector<FunctionBars> WithoutIo(std::vector<FunctionBars> functions) {
  for (FunctionBars& function : functions) {
    std::erase_if(function.bars, [](const BarInfo& bar) { return bar.kind == BarKind::kIo; });
  }
  return functions;
}

base::Result<ResourcePlan> PlanWith(const Extra& extra, std::span<const FunctionBars> bus0,
                                    std::span<const PortContent> ports, const Layout& layout) {
  const bool has_high = !layout.mmio64.empty();
  std::vector<FunctionBars> all(bus0.begin(), bus0.end());
  for (const PortContent& port : ports) all.push_back(WindowsAsBars(port, extra, has_high));

  ResourcePlan plan;
  plan.ports.resize(ports.size());
  const std::vector<BarPlacement> placements = TRY(PlanBarAddresses(all, PlacementOf(layout)));
  for (const BarPlacement& placement : placements) {
    if (placement.function < bus0.size()) {
      plan.bars.push_back(placement);
    } else {
      SetWindow(plan.ports[placement.function - bus0.size()].windows, all[placement.function],
                placement);
    }
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    const PortWindows& windows = plan.ports[i].windows;
    plan.ports[i].bars =
        TRY(PlanBarAddresses(extra.io ? ports[i].functions : WithoutIo(ports[i].functions),
                             {windows.memory, windows.prefetch, windows.io}));
  }
  return plan;
}

}  // namespace

base::Result<ResourcePlan> PlanResources(std::span<const FunctionBars> bus0,
                                         std::span<const PortContent> ports, const Layout& layout) {
  base::Result<ResourcePlan> plan = base::Fail(base::Code::kInternal, "nothing was planned");
  for (const Extra& extra :
       {Extra{SparePrefetch(layout, ports.size()), true}, Extra{0, true}, Extra{0, false}}) {
    plan = PlanWith(extra, bus0, ports, layout);
    if (plan) break;
  }
  return plan;
}

}  // namespace vmm::pci
