#include "vmm/pci/placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "sysfs/base/text.h"
#include "vmm/pci/bars.h"

namespace vmm::pci {
namespace {

// Where this machine puts them, and where a guest may: Linux gives the slot of a card that comes
// later ports from below.
constexpr base::Range kIoWindow{0xc000, 0x4000};
constexpr base::Range kIoSpace{0x1000, 0xf000};

struct Item {
  size_t function;
  BarInfo bar;
};

// A window that is filled from below.
class Filler {
 public:
  explicit Filler(base::Range window) : next_(window.base), end_(window.end()) {}

  std::optional<uint64_t> Take(uint64_t size, uint64_t alignment) {
    const uint64_t start = base::AlignUp(next_, alignment);
    if (start < next_ || start > end_ || end_ - start < size) return std::nullopt;
    next_ = start + size;
    return start;
  }

 private:
  uint64_t next_;
  uint64_t end_;
};

std::vector<Item> LargestFirst(std::span<const FunctionBars> functions) {
  std::vector<Item> items;
  for (size_t f = 0; f < functions.size(); ++f) {
    for (const BarInfo& bar : functions[f].bars) items.push_back({f, bar});
  }
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return BarAlignment(a.bar) > BarAlignment(b.bar);
  });
  return items;
}

// A larger one would take the low window from all others.
constexpr uint64_t kLargestLow = 512 * base::kMiB;

struct Windows {
  Filler low;
  Filler high;
  Filler io;

  std::optional<uint64_t> Place(const BarInfo& bar) {
    const uint64_t step = BarAlignment(bar);
    if (bar.kind == BarKind::kIo) return io.Take(step, step);
    if (bar.kind == BarKind::kMemory32) return low.Take(step, step);
    Filler& first = PrefersHigh(bar) ? high : low;
    Filler& second = PrefersHigh(bar) ? low : high;
    const std::optional<uint64_t> address = first.Take(step, step);
    return address ? address : second.Take(step, step);
  }
};

std::string_view KindText(BarKind kind) {
  switch (kind) {
    case BarKind::kMemory32:
      return "32-bit memory";
    case BarKind::kMemory64:
      return "64-bit memory";
    case BarKind::kIo:
      return "I/O";
  }
  return "";
}

}  // namespace

BarWindows WindowsOf(const Layout& layout) {
  BarWindows windows{{}, layout.ram, kIoSpace};
  windows.taken.push_back(layout.ecam);
  windows.taken.push_back({kIoApicBase, base::kPageSize});
  windows.taken.push_back({kLocalApicBase, base::kMiB});  // and where MSI messages go
  for (const base::Range& window : {layout.mmio32, layout.mmio64}) {
    if (!window.empty()) windows.memory.push_back(window);
  }
  return windows;
}

BarFit CheckBar(const base::Range& range, BarKind kind, const BarWindows& windows,
                std::span<const base::Range> active_of_same_space) {
  const auto holds = [&](const base::Range& window) { return window.Contains(range); };
  const bool inside = kind == BarKind::kIo
                          ? holds(windows.io)
                          : std::any_of(windows.memory.begin(), windows.memory.end(), holds);
  const auto overlaps = [&](const base::Range& other) { return other.Overlaps(range); };
  if (kind != BarKind::kIo && std::any_of(windows.taken.begin(), windows.taken.end(), overlaps)) {
    return BarFit::kOverlapsMachine;
  }
  if (!inside) return BarFit::kOutsideWindows;
  return std::any_of(active_of_same_space.begin(), active_of_same_space.end(), overlaps)
             ? BarFit::kOverlapsBar
             : BarFit::kFits;
}

bool OwnsPage(const base::Range& range, std::span<const base::Range> active_memory) {
  if (range.size >= base::kPageSize || range.base % base::kPageSize != 0) return false;
  const base::Range page{range.base, base::kPageSize};
  return std::none_of(active_memory.begin(), active_memory.end(), [&](const base::Range& other) {
    return other != range && other.Overlaps(page);
  });
}

std::string_view BarFitText(BarFit fit) {
  switch (fit) {
    case BarFit::kFits:
      return "fits";
    case BarFit::kOverlapsMachine:
      return "overlaps RAM, configuration space or an interrupt controller";
    case BarFit::kOutsideWindows:
      return "outside the windows for BARs";
    case BarFit::kOverlapsBar:
      return "overlaps another BAR";
  }
  return "";
}

PlacementWindows PlacementOf(const Layout& layout) {
  return {layout.mmio32, layout.mmio64, kIoWindow};
}

bool PrefersHigh(const BarInfo& bar) {
  return bar.kind == BarKind::kMemory64 && (bar.prefetchable || bar.size > kLargestLow);
}

base::Result<std::vector<BarPlacement>> PlanBarAddresses(std::span<const FunctionBars> functions,
                                                         const PlacementWindows& from) {
  Windows windows{Filler(from.low), Filler(from.high), Filler(from.io)};
  std::vector<BarPlacement> placements;
  for (const Item& item : LargestFirst(functions)) {
    const std::optional<uint64_t> address = windows.Place(item.bar);
    if (!address && item.bar.index == kRomBar) continue;
    if (!address) {
      return base::Fail(
          base::Code::kUnfit,
          fmt::format("{}: no room for BAR {} ({}, {})", functions[item.function].name,
                      item.bar.index, base::FormatSize(item.bar.size), KindText(item.bar.kind)),
          "assign fewer devices to this machine");
    }
    placements.push_back({item.function, item.bar.index, *address});
  }
  return placements;
}

}  // namespace vmm::pci
