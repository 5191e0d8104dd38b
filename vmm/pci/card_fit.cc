#include "vmm/pci/card_fit.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "vmm/pci/bars.h"

namespace vmm::pci {
namespace {

// A port's windows have this granularity (PCI-to-PCI bridge 1.2, 3.2.5.8).
constexpr uint64_t kGranularity = base::kMiB;

// As a bridge takes them: only what is prefetchable goes above 4 GiB.
std::vector<FunctionBars> MemoryOf(std::span<const FunctionBars> card) {
  std::vector<FunctionBars> functions;
  for (const FunctionBars& function : card) {
    FunctionBars& memory = functions.emplace_back(FunctionBars{function.name, {}});
    for (BarInfo bar : function.bars) {
      if (bar.kind == BarKind::kIo || bar.index == kRomBar) continue;
      if (!bar.prefetchable) bar.kind = BarKind::kMemory32;
      memory.bars.push_back(bar);
    }
  }
  return functions;
}

base::Range LargestGap(const base::Range& window, std::span<const base::Range> taken) {
  std::vector<base::Range> sorted(taken.begin(), taken.end());
  std::sort(sorted.begin(), sorted.end());
  base::Range largest;
  uint64_t next = window.base;
  const auto note = [&](uint64_t end) {
    const uint64_t start = base::AlignUp(next, kGranularity);
    end -= end % kGranularity;
    if (start < end && end - start > largest.size) largest = {start, end - start};
  };
  for (const base::Range& one : sorted) {
    if (!one.Overlaps(window)) continue;
    if (one.base > next) note(one.base);
    next = std::max(next, one.end());
  }
  if (next < window.end()) note(window.end());
  return largest;
}

struct Need {
  uint64_t low = 0;
  uint64_t high = 0;
};

Need NeedOf(const std::vector<FunctionBars>& card) {
  Need need;
  for (const FunctionBars& function : card) {
    for (const BarInfo& bar : function.bars)
      (bar.kind == BarKind::kMemory32 ? need.low : need.high) += BarAlignment(bar);
  }
  return need;
}

}  // namespace

base::Result<CardFit> CheckCardFit(std::span<const FunctionBars> card, const PortWindows& port,
                                   std::span<const base::Range> taken, const Layout& layout) {
  const std::vector<FunctionBars> memory = MemoryOf(card);
  if (PlanBarAddresses(memory, {port.memory, port.prefetch, {}})) return CardFit::kInPort;
  // What the port has is free when its windows move.
  const base::Range low = LargestGap(layout.mmio32, taken);
  const base::Range high = LargestGap(layout.mmio64, taken);
  if (PlanBarAddresses(memory, {low, high, {}})) return CardFit::kInMachine;
  const Need need = NeedOf(memory);
  const auto size = [](uint64_t bytes) { return base::FormatSize(bytes); };
  return base::Fail(
      base::Code::kUnfit,
      fmt::format(
          "{}: its BARs need {} below 4 GiB and {} of 64-bit addresses; its port has {} and "
          "{}, and the guest has no more than {} and {} free in one piece",
          card.empty() ? "card" : card.front().name, size(need.low), size(need.high),
          size(port.memory.size), size(port.prefetch.size), size(low.size), size(high.size)),
      "start the machine with the device (--assign): room is made for it then");
}

}  // namespace vmm::pci
